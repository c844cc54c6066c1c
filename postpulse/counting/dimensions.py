"""What posts are counted by, and how it is asked for: the one list of dimensions.

Workers count by it, and queries are answered by it. To count something more, add an entry to `DIMENSIONS`, counted
since one version above the highest: a metric that is a list of texts takes no more than that to have trends, and a
series of each value. Documents say by which version they were counted, so that what is taken away is what was
added; a replay of all posts counts those of older versions anew. What a dimension says of a post must follow from
its document alone, and never change.

All amounts are integers, which add and subtract exactly. What cannot be subtracted, the registers from which
distinct authors are estimated (`hyperloglog.py`), is no amount but a rank: the highest one stands.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from unicodedata import normalize

from postpulse.collections import Document
from postpulse.counting import hyperloglog

#: Widths of the buckets that counts are asked for in.
Unit = Literal["minute", "hour", "day"]
#: Those that posts are counted in; the others are folded from them.
Base = Literal["minute", "hour"]
#: Field name -> amount.
Amounts = Mapping[str, int]
#: The values that a post document counts under, and what it adds there; none leaves it out.
Counts = Callable[[Document], Iterable[tuple[str, Amounts]]]

#: Parts of equal width in which sentiments from -1 to 1 are counted; the last one has both its ends.
SENTIMENT_PARTS = 20
LABELS = ("positive", "neutral", "negative")
#: Lengths are counted by their bits: up to 16,777,215, beyond what a record of `posts.v1` can hold.
LENGTH_BITS = 24
#: Characters of a hashtag, a keyword and the like: longer ones are somebody's noise, and would stand in every _id.
_LONGEST_VALUE = 200

_ONE: Amounts = {"posts": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """Something that posts are counted by.

    Attributes:
        name: as documents have it, and the parameter that asks for one of its values.
        base: the finest buckets that posts are counted in; the minute for what has few values.
        counts: version of the list -> what a post counts since then, in addition to what it did before.
        amounts: all that is added up, each an integer.
        ranks: whether what posts count only rises: registers with their ranks, in place of amounts.
        example: one of its values, as the documentation shows them; None where there is none but the empty one.
        written: a value as somebody may write it -> as analyses have it; empty where there is but a sign.
        trend: last part of the path at which its values are compared; None where they are not.
    """

    name: str
    base: Base
    counts: Mapping[int, Counts]
    amounts: tuple[str, ...] = ("posts",)
    ranks: bool = False
    example: str | None = None
    written: Callable[[str], str] = str.casefold
    trend: str | None = None


def _as_it_is(value: str) -> str:
    return value


def _after(signs: str) -> Callable[[str], str]:
    """What stands after these signs; empty where nothing does."""
    return lambda value: value.lstrip(signs).casefold()


def _word(value: str) -> str:
    return normalize("NFC", normalize("NFC", value).casefold())


def _sizes(post: Document) -> Amounts:
    analysis = post["analysis"]
    return {"posts": 1, "words": analysis["num_of_words"], "characters": analysis["num_of_characters"]}


def _volume(post: Document) -> Iterable[tuple[str, Amounts]]:
    return (("", _sizes(post)),)


def _language(post: Document) -> Iterable[tuple[str, Amounts]]:
    lang = post.get("lang")
    return () if lang is None else ((lang, _ONE),)


def _detected_language(post: Document) -> Iterable[tuple[str, Amounts]]:
    language = post["analysis"].get("language")
    return () if language is None else ((language, _ONE),)


def _author(post: Document) -> Iterable[tuple[str, Amounts]]:
    author = post.get("author")
    return () if author is None else ((author, _sizes(post)),)


def _sentiment_of_author(post: Document) -> Iterable[tuple[str, Amounts]]:
    author, sentiment = post.get("author"), post["analysis"].get("sentiment")
    if author is None or sentiment is None:
        return ()
    return ((author, {"rated": 1, "sum": _thousandths(sentiment)}),)


def _authors(post: Document) -> Iterable[tuple[str, Amounts]]:
    author = post.get("author")
    if author is None:
        return ()
    register, rank = hyperloglog.place(author)
    return (("", {str(register): rank}),)


def _sentiment(post: Document) -> Iterable[tuple[str, Amounts]]:
    """Posts that have one: the sum in thousandths, the label, and the part in which it lies; 1 is in the last."""
    analysis = post["analysis"]
    sentiment = analysis.get("sentiment")
    if sentiment is None:
        return ()
    part = min(int((sentiment + 1) * SENTIMENT_PARTS / 2), SENTIMENT_PARTS - 1)
    return (
        ("", {"posts": 1, "sum": _thousandths(sentiment), analysis["sentiment_label"]: 1, f"p{part}": 1}),
    )


def _thousandths(sentiment: float) -> int:
    return round(sentiment * 1000)


def _length(metric: str) -> Counts:
    """By the power of two: b0 counts lengths of 0, b1 1, b2 2 and 3, b3 4 to 7, and so on."""

    def counts(post: Document) -> Iterable[tuple[str, Amounts]]:
        length: int = post["analysis"][metric]
        return (("", {f"b{length.bit_length()}": 1}),)

    return counts


def _each(metric: str) -> Counts:
    """Each of a list's values; the analysis names each once, and not more than 100."""

    def counts(post: Document) -> Iterable[tuple[str, Amounts]]:
        return [(value, _ONE) for value in post["analysis"].get(metric, ()) if len(value) <= _LONGEST_VALUE]

    return counts


def _keyword(post: Document) -> Iterable[tuple[str, Amounts]]:
    keywords: list[dict[str, Any]] = post["analysis"].get("keywords", [])
    return [(word, _ONE) for keyword in keywords if len(word := keyword["word"]) <= _LONGEST_VALUE]


_SIZES = ("posts", "words", "characters")
_LENGTHS = tuple(f"b{bits}" for bits in range(LENGTH_BITS + 1))
_PARTS = tuple(f"p{part}" for part in range(SENTIMENT_PARTS))

# Those that some question is about by name.
VOLUME = Dimension("volume", "minute", {1: _volume}, amounts=_SIZES)
LANGUAGE = Dimension("language", "minute", {1: _language}, example="en")
DETECTED_LANGUAGE = Dimension("detected_language", "minute", {2: _detected_language}, example="en")
SENTIMENT = Dimension("sentiment", "minute", {2: _sentiment}, amounts=("posts", "sum", *LABELS, *_PARTS))
WORDS = Dimension("words", "minute", {2: _length("num_of_words")}, amounts=_LENGTHS)
CHARACTERS = Dimension("characters", "minute", {2: _length("num_of_characters")}, amounts=_LENGTHS)
#: `rated` is how many posts have a sentiment, `sum` that of their thousandths.
AUTHOR = Dimension(
    "author",
    "hour",
    {1: _author, 2: _sentiment_of_author},
    amounts=(*_SIZES, "rated", "sum"),
    example="ada",
    written=_as_it_is,
    trend="authors",
)
#: How many there are.
AUTHORS = Dimension("authors", "hour", {2: _authors}, amounts=(), ranks=True)

DIMENSIONS = (
    VOLUME,
    LANGUAGE,
    DETECTED_LANGUAGE,
    AUTHOR,
    SENTIMENT,
    WORDS,
    CHARACTERS,
    Dimension(
        "hashtag", "hour", {2: _each("hashtags")}, example="kafka", written=_after("#＃"), trend="hashtags"
    ),
    Dimension(
        "mention", "hour", {2: _each("mentions")}, example="ada", written=_after("@＠"), trend="mentions"
    ),
    Dimension("domain", "hour", {2: _each("domains")}, example="example.com", trend="domains"),
    Dimension("emoji", "hour", {2: _each("emoji")}, example="🎉", written=_as_it_is, trend="emoji"),
    Dimension("keyword", "hour", {2: _keyword}, example="coffee", written=_word, trend="keywords"),
    AUTHORS,
)
BY_NAME = {each.name: each for each in DIMENSIONS}
#: The version by which posts are counted now. 1 had the volume, languages as they were sent, and authors' sizes.
COUNTERS_VERSION = max(since for each in DIMENSIONS for since in each.counts)
