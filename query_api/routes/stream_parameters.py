"""What may be asked of the stream; each error names the parameter and what is allowed."""

from typing import Annotated, Literal

import msgspec

from postpulse.web.problems import Problem
from query_api.live.filters import Filters
from query_api.live.position import NoIdError, OtherVersionError, Position, position_of
from query_api.live.session import OTHER_VERSION
from query_api.routes.parameters import as_analyzed

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class StreamParameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The filters, as `Filters` has them, and where to begin."""

    author: _Text | None = None
    hashtag: _Text | None = None
    mention: _Text | None = None
    language: Annotated[str, msgspec.Meta(pattern="^[a-z]{2,3}$")] | None = None
    sentiment: Literal["positive", "neutral", "negative"] | None = None
    source: _Text | None = None
    tag: _Text | None = None
    last_event_id: str | None = None

    @property
    def filters(self) -> Filters:
        """Raises Problem: 422; a hashtag or a mention is nothing but a sign."""
        return Filters(
            author=self.author,
            hashtag=self.hashtag and as_analyzed("hashtag", self.hashtag),
            mention=self.mention and as_analyzed("mention", self.mention),
            language=self.language,
            sentiment=self.sentiment,
            source=self.source,
            tag=self.tag,
        )


def resumed_from(event_id: str) -> tuple[Position | None, str | None]:
    """Where a reader was, or why that is of no use any more; neither for an empty id.

    Raises:
        Problem: 422; it is no id of this API.
    """
    if not event_id:
        return None, None
    try:
        return position_of(event_id), None
    except OtherVersionError:
        return None, OTHER_VERSION
    except NoIdError:
        raise Problem(
            422,
            "Last-Event-ID (or last_event_id) must be the id of an event of this stream, unchanged; "
            "without it the stream begins with what comes.",
            field="last_event_id",
        ) from None
