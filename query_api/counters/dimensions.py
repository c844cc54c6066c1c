"""What posts are counted by, as the queries need to know it: names, amounts, and the finest buckets there are."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["minute", "hour", "day"]

#: Equal parts of -1 to 1, the last with its end.
SENTIMENT_PARTS = 20
LABELS = ("positive", "neutral", "negative")
#: Bucket n holds lengths of n bits: up to 16,777,215, beyond what a record of `posts.v1` can hold.
LENGTH_BITS = 24


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that posts are counted by.

    Attributes:
        name: as the documents have it.
        base: the finest buckets that posts are counted in.
        amounts: what is summed up, each an integer.
    """

    name: str
    base: Unit
    amounts: tuple[str, ...] = ("posts",)


VOLUME = Dimension("volume", "minute", ("posts", "words", "characters"))
LANGUAGE = Dimension("language", "minute")
DETECTED_LANGUAGE = Dimension("detected_language", "minute")
SENTIMENT = Dimension(
    "sentiment", "minute", ("posts", "sum", *LABELS, *(f"p{part}" for part in range(SENTIMENT_PARTS)))
)
_LENGTHS = tuple(f"b{bits}" for bits in range(LENGTH_BITS + 1))
WORDS = Dimension("words", "minute", _LENGTHS)
CHARACTERS = Dimension("characters", "minute", _LENGTHS)
HASHTAG = Dimension("hashtag", "hour")
MENTION = Dimension("mention", "hour")
DOMAIN = Dimension("domain", "hour")
EMOJI = Dimension("emoji", "hour")
KEYWORD = Dimension("keyword", "hour")
#: `rated` is how many posts have a sentiment, `sum` that of their thousandths.
AUTHOR = Dimension("author", "hour", ("posts", "words", "characters", "rated", "sum"))
#: Registers of HyperLogLog, which are merged instead of summed.
AUTHORS = Dimension("authors", "hour", ())
