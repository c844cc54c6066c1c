"""What posts are counted by: the one list of dimensions.

To count something more, add a dimension here, with `since` one above `COUNTERS_VERSION`, and raise that. Documents
say by which version they were counted, so that what is taken away is what was added; a replay of all posts counts
those of older versions anew. What a dimension says of a post must follow from its document alone, and never change.

All amounts are integers, which add and subtract exactly. What cannot be subtracted, the registers from which
distinct authors are estimated, is no amount but a rank: the highest one stands (see `postpulse.hyperloglog`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from postpulse import hyperloglog
from postpulse.collections import Document
from postpulse.counter_rows import REGISTERS

Granularity = Literal["minute", "hour"]
#: Field name -> amount.
Amounts = Mapping[str, int]

#: Of the list below. 1 had the volume, languages as they were sent, and what authors write.
COUNTERS_VERSION = 2
#: Parts of equal width in which sentiments from -1 to 1 are counted.
SENTIMENT_PARTS = 20
#: Characters of a hashtag, a keyword and the like: longer ones are somebody's noise, and would stand in every _id.
_LONGEST_VALUE = 200

_ONE: Amounts = {"posts": 1}


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that posts are counted by.

    Attributes:
        name: as queries name it; two of one name fill the same documents.
        granularity: the width of its time buckets; the minute for what has few values.
        counts: the values that a post counts under, and what it adds there; none leaves it out.
        since: the version of the list that had it first.
        ranks: the same, for what only rises: register -> rank.
    """

    name: str
    granularity: Granularity
    counts: Callable[[Document], Iterable[tuple[str, Amounts]]]
    since: int = COUNTERS_VERSION
    ranks: bool = False


def _volume(post: Document) -> Iterable[tuple[str, Amounts]]:
    return (("", _sizes(post)),)


def _language(post: Document) -> Iterable[tuple[str, Amounts]]:
    lang = post.get("lang")
    return () if lang is None else ((lang, _ONE),)


def _author(post: Document) -> Iterable[tuple[str, Amounts]]:
    author = post.get("author")
    return () if author is None else ((author, _sizes(post)),)


def _sizes(post: Document) -> Amounts:
    analysis = post["analysis"]
    return {"posts": 1, "words": analysis["num_of_words"], "characters": analysis["num_of_characters"]}


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


def _sentiment_of_author(post: Document) -> Iterable[tuple[str, Amounts]]:
    author, sentiment = post.get("author"), post["analysis"].get("sentiment")
    if author is None or sentiment is None:
        return ()
    return ((author, {"rated": 1, "sum": _thousandths(sentiment)}),)


def _thousandths(sentiment: float) -> int:
    return round(sentiment * 1000)


def _length(metric: str) -> Callable[[Document], Iterable[tuple[str, Amounts]]]:
    """By the power of two: b0 counts lengths of 0, b1 1, b2 2 and 3, b3 4 to 7, and so on."""

    def counts(post: Document) -> Iterable[tuple[str, Amounts]]:
        length: int = post["analysis"][metric]
        return (("", {f"b{length.bit_length()}": 1}),)

    return counts


def _detected_language(post: Document) -> Iterable[tuple[str, Amounts]]:
    language = post["analysis"].get("language")
    return () if language is None else ((language, _ONE),)


def _each(metric: str) -> Callable[[Document], Iterable[tuple[str, Amounts]]]:
    """Each of a list's values; the analysis names each once, and not more than 100."""

    def counts(post: Document) -> Iterable[tuple[str, Amounts]]:
        return [(value, _ONE) for value in post["analysis"].get(metric, ()) if len(value) <= _LONGEST_VALUE]

    return counts


def _keyword(post: Document) -> Iterable[tuple[str, Amounts]]:
    keywords: list[dict[str, Any]] = post["analysis"].get("keywords", [])
    return [(word, _ONE) for keyword in keywords if len(word := keyword["word"]) <= _LONGEST_VALUE]


def _authors(post: Document) -> Iterable[tuple[str, Amounts]]:
    author = post.get("author")
    if author is None:
        return ()
    register, rank = hyperloglog.place(author)
    return (("", {str(register): rank}),)


DIMENSIONS = (
    Dimension("volume", "minute", _volume, since=1),
    Dimension("language", "minute", _language, since=1),
    Dimension("author", "hour", _author, since=1),
    Dimension("author", "hour", _sentiment_of_author),
    Dimension(REGISTERS, "hour", _authors, ranks=True),
    Dimension("sentiment", "minute", _sentiment),
    Dimension("words", "minute", _length("num_of_words")),
    Dimension("characters", "minute", _length("num_of_characters")),
    Dimension("detected_language", "minute", _detected_language),
    Dimension("hashtag", "hour", _each("hashtags")),
    Dimension("mention", "hour", _each("mentions")),
    Dimension("domain", "hour", _each("domains")),
    Dimension("emoji", "hour", _each("emoji")),
    Dimension("keyword", "hour", _keyword),
)
