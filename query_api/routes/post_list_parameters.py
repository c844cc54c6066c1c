"""What may be asked of lists and exports of posts; each error names the parameter and what is allowed."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
import regex

from postpulse.web.problems import Problem
from query_api.queries.post_list import Filters, Place
from query_api.queries.posts import rfc_3339
from query_api.routes.parameters import as_analyzed

MOST_LISTED = 200
MOST_TEXT = 200
MOST_WORDS = 10

#: MongoDB refuses to look for a null character.
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TEXT, pattern=r"^[^\x00]*$")]
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Sentiment = Annotated[float, msgspec.Meta(ge=-1, le=1)]
_AS_GIVEN = ("author", "source", "tag", "sentiment", "min_sentiment", "max_sentiment", "from_", "until")
#: What ends a word in MongoDB's text index: no sign of its query language is part of one.
_WORDS = regex.compile(
    r"[^\p{Dash}\p{Hyphen}\p{Pattern_Syntax}\p{Quotation_Mark}\p{Terminal_Punctuation}\p{White_Space}\p{Cc}]+"
)


class _Filters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The filters, as `Filters` describes them, in the forms that callers may write them."""

    author: _Text | None = None
    hashtag: _Text | None = None
    mention: _Text | None = None
    domain: _Text | None = None
    language: _Text | None = None
    lang: _Text | None = None
    source: _Text | None = None
    tag: _Text | None = None
    sentiment: Literal["positive", "neutral", "negative"] | None = None
    min_sentiment: _Sentiment | None = None
    max_sentiment: _Sentiment | None = None
    from_: _Time | None = msgspec.field(default=None, name="from")
    until: _Time | None = None
    text: _Text | None = None

    @property
    def filters(self) -> Filters:
        """As the documents have the values.

        Raises:
            Problem: 422; nothing can hold for all of it, or the text has no words, or too many.
        """
        least, most = self.min_sentiment, self.max_sentiment
        if least is not None and most is not None and least > most:
            raise Problem(422, "max_sentiment must not be less than min_sentiment.", field="max_sentiment")
        for name, time in (("from", self.from_), ("until", self.until)):
            _refuse_beyond_utc(name, time)
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise Problem(422, "until must be later than from.", field="until")
        return Filters(
            **{name: getattr(self, name) for name in _AS_GIVEN},
            hashtag=self.hashtag and as_analyzed("hashtag", self.hashtag),
            mention=self.mention and as_analyzed("mention", self.mention),
            domain=self.domain and self.domain.lower().removeprefix("www."),
            language=self.language and self.language.lower(),
            lang=self.lang and self.lang.lower(),
            words=_words(self.text) if self.text is not None else (),
        )


class ListParameters(_Filters, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_LISTED)] = 50
    cursor: Annotated[str, msgspec.Meta(max_length=1000)] | None = None

    @property
    def after(self) -> Place | None:
        """Where the page begins.

        Raises:
            Problem: 422; it is no cursor of ours.
        """
        if self.cursor is None:
            return None
        time, _, post_id = self.cursor.partition("_")
        try:
            place = msgspec.convert(time, _Time).astimezone(UTC), post_id
            if "\0" not in post_id and cursor_of(place) == self.cursor:
                return place
        except (msgspec.MsgspecError, OverflowError):
            pass
        raise Problem(422, "cursor must be the next_cursor of an answer, unchanged.", field="cursor")


class ExportParameters(_Filters, kw_only=True, forbid_unknown_fields=True):
    format: Literal["ndjson", "csv"] = "ndjson"


def cursor_of(place: Place) -> str:
    """A place as a cursor, for `ListParameters.after`."""
    time, post_id = place
    return f"{rfc_3339(time)}_{post_id}"


def _words(text: str) -> tuple[str, ...]:
    words = tuple({word.lower(): word for word in _WORDS.findall(text)}.values())
    if not 0 < len(words) <= MOST_WORDS:
        raise Problem(
            422, f"text must have 1 to {MOST_WORDS} different words, not {len(words)}.", field="text"
        )
    return words


def _refuse_beyond_utc(name: str, time: datetime | None) -> None:
    try:
        if time is not None:
            time.astimezone(UTC)
    except OverflowError:
        raise Problem(422, f"{name} must be of the years 1 to 9999, also in UTC.", field=name) from None
