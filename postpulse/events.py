"""What travels on the topics: one Struct an event, with encoder and decoders made once.

The wire is JSON. Unknown fields are ignored and within a version fields are only added, so that old and new
processes read one another's records. Times are integers, milliseconds since 1970 UTC.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

Headers = list[tuple[str, bytes]]


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post as its author sent it; the value of `posts.v1`."""

    post_id: str
    content: str
    """The text."""
    received_at: int
    """When the ingest API took it."""
    created_at: int
    """When its author says that it was written; the time it is counted under."""
    author: str | None = None
    lang: str | None = None
    """The author's word for the language, lower-case BCP 47."""
    source: str | None = None
    """The application that it came from."""
    tags: tuple[str, ...] = ()
    schema_version: int = 1


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a post's record stands in `posts.v1`. The higher offset is the later word on a post.

    In a topic that was deleted and made again offsets go on from a multiple of 2^40; so do revisions.
    """

    partition: int
    offset: int


class Chunk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a long post; the value of `post-chunks.v1`."""

    post_id: str
    place: Place
    """Partition and offset of the post that it belongs to."""
    index: int
    """Which of the chunks, from 0."""
    count: int
    """How many chunks the post has."""
    text: str
    start: int = 0
    """Where it begins in the post's content, in code points."""
    exact: bool = True
    """False where a cut fell at no legal boundary, so that counts across it may be off."""
    schema_version: int = 1


class ChunkAnalysis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one chunk hands on to be merged; the value of `post-chunk-analyses.v1`."""

    post_id: str
    place: Place
    """Partition and offset of the post that it belongs to."""
    index: int
    count: int
    analysis_version: int
    """Results of different versions are not merged."""
    partial: dict[str, Any]
    """Metric name -> its mergeable partial result, JSON values only."""
    took_us: int = 0
    """How long its analysis took, in microseconds."""
    exact: bool = True
    failed: str | None = None
    """Why there is no partial result and never will be: the chunk lies with the dead letters."""
    schema_version: int = 1


class Analysis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The finished analysis of a post; the value of `post-analyses.v1`."""

    post_id: str
    revision: int
    """The offset of the post's record: grows with every new version of the same post."""
    analysis_version: int
    """Grows when the same text would give other values."""
    analyzed_at: int
    created_at: int
    """As the post has it."""
    received_at: int
    chunks: int
    """How many pieces it was analysed in; 1 is whole."""
    metrics: dict[str, Any]
    """Metric name -> value; see docs/metrics.md."""
    analysis_us: int = 0
    """How long the analysis took, of all chunks together, in microseconds."""
    approximate: tuple[str, ...] = ()
    """Why values may be off by a little; empty where all are exact."""
    author: str | None = None
    lang: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    schema_version: int = 1


class Origin(msgspec.Struct, frozen=True):
    """Where a record stood that could not be processed."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One earlier attempt at a record that was dead-lettered, redriven, and failed again."""

    origin: Origin
    """Where the record stood then."""
    stage: str
    reason: str
    error_class: str
    dead_at: int


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that could not be processed, whole; the value of `posts-dead-letter.v1`. Bytes are base64."""

    origin: Origin
    stage: str
    """The agent that gave up on it: ingest, analyze, merge or replay."""
    reason: str
    error_class: str
    attempt: int
    dead_at: int
    version: str | None = None
    """Of postpulse and its analysis, which failed."""
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    """Without those that a redrive adds: what they say is in the fields below."""
    redriven_from: Origin | None = None
    """Where the record stood the first time, if this is not it."""
    history: tuple[Failure, ...] = ()
    """Earlier failures, oldest first."""
    schema_version: int = 1


class UndecodableError(Exception):
    """A record's bytes are not the event that its topic carries; the message says why."""


_encoder = msgspec.json.Encoder()
_E = TypeVar("_E", Post, Chunk, ChunkAnalysis, Analysis, DeadLetter)
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    event: msgspec.json.Decoder(event) for event in (Post, Chunk, ChunkAnalysis, Analysis, DeadLetter)
}


def encode(event: Post | Chunk | ChunkAnalysis | Analysis | DeadLetter) -> bytes:
    """An event as the bytes of a record's value."""
    return _encoder.encode(event)


def decode(event: type[_E], value: bytes) -> _E:
    """The event in a record's value.

    Raises:
        UndecodableError: not JSON, not UTF-8, too deep, not of the event's form, or of a newer version.
    """
    try:
        decoded: _E = _decoders[event].decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise UndecodableError(f"not a {event.__name__}: {exc}") from exc
    if decoded.schema_version != 1:
        raise UndecodableError(
            f"not a {event.__name__} of version 1: its schema_version is {decoded.schema_version}"
        )
    return decoded


def headers(event: type[_E], traceparent: str | None = None) -> Headers:
    """The record headers that go with an event."""
    made: Headers = [
        ("content-type", b"application/json"),
        ("schema", f"{event.__name__}/1".encode()),
    ]
    if traceparent:
        made.append(("traceparent", traceparent.encode()))
    return made


_DELETED_AT = "deleted-at"


def tombstone_headers(deleted_at: int) -> Headers:
    """The record headers of a tombstone in `posts.v1`.

    Args:
        deleted_at: when the delete was accepted, in milliseconds since 1970. The post that was deleted may come
            behind it in the log, out of a spool, say: it is known by having been accepted before.
    """
    return [(_DELETED_AT, str(deleted_at).encode())]


def deleted_at(headers: Sequence[tuple[str, bytes | None]] | None, timestamp: int) -> int:
    """When a delete was accepted; that its record was made at `timestamp` will do where it does not say."""
    for name, value in headers or ():
        if name == _DELETED_AT and value is not None and len(value) < 16 and value.isdigit():
            return int(value)
    return timestamp
