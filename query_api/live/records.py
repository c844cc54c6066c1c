"""Records of `post-analyses.v1` as streams tell them: decoded once, written once, whoever reads along."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from postpulse import events
from postpulse.events import Analysis, UndecodableError
from query_api.queries.posts import rfc_3339

log = structlog.get_logger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record:
    """One record. What it says is found out when somebody asks for the first time.

    Attributes:
        post_id: the record's key.
        size: of the value, in bytes.
    """

    __slots__ = ("_analysis", "_body", "_value", "offset", "partition", "post_id", "size")

    def __init__(self, partition: int, offset: int, key: bytes | None, value: bytes | None) -> None:
        self.partition = partition
        self.offset = offset
        self.post_id = (key or b"").decode(errors="replace")
        self.size = len(value or b"")
        self._value = value
        self._analysis: Analysis | None = None
        self._body: bytes | None = None

    def read(self) -> None:
        """Decode it; may be done in any thread, before others ask."""
        if self._body is not None:
            return
        if self._value is None:
            self._body = _written("deleted", {"post_id": self.post_id})
            return
        try:
            self._analysis = events.decode(Analysis, self._value)
            self._body = _written("analysis", analysis_of(self._analysis))
        except (UndecodableError, OverflowError) as exc:
            # Somebody else's: workers write what can be read.
            log.debug("not told to streams", partition=self.partition, offset=self.offset, reason=str(exc))
            self._analysis = None
            self._body = b""
        self._value = None

    @property
    def analysis(self) -> Analysis | None:
        """None for a delete, and where there is nothing to tell."""
        self.read()
        return self._analysis

    @property
    def body(self) -> bytes:
        """The event but for its id; empty for a record that cannot be read."""
        self.read()
        assert self._body is not None
        return self._body


def frame(event_id: str, body: bytes) -> bytes:
    """An event of a stream."""
    return b"id: %b\n%b" % (event_id.encode(), body)


def event(name: str, data: dict[str, Any], event_id: str | None = None) -> bytes:
    """An event that the API tells of itself, with or without an id."""
    body = _written(name, data)
    return body if event_id is None else frame(event_id, body)


def analysis_of(analysis: Analysis) -> dict[str, Any]:
    """The same as `query_api.queries.posts.analysis_view` makes of the post's document.

    Raises:
        OverflowError: a time is none of the years 1 to 9999.
    """
    view: dict[str, Any] = {
        "post_id": analysis.post_id,
        "status": "analyzed",
        **analysis.metrics,
        "analysis_version": analysis.analysis_version,
        "analysis_us": analysis.analysis_us,
        "revision": analysis.revision,
        "chunks": analysis.chunks,
        "approximate": analysis.approximate,
        "created_at": _time(analysis.created_at),
        "received_at": _time(analysis.received_at),
        "analyzed_at": _time(analysis.analyzed_at),
    }
    for name in ("author", "lang", "source"):
        value = getattr(analysis, name)
        if value is not None:
            view[name] = value
    if analysis.tags:
        view["tags"] = analysis.tags
    return view


def _written(name: str, data: dict[str, Any]) -> bytes:
    # JSON as it is written here has no line breaks.
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))


def _time(milliseconds: int) -> str:
    return rfc_3339(_EPOCH + timedelta(milliseconds=milliseconds))
