"""How often words and values occur: folded for comparison, added up, and packed for the way between processes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import normalize

#: Normalizing takes time quadratic in the length of a run of combining marks: longer words stay as written.
_LONGEST_NORMALIZED = 64


def fold(word: str) -> str:
    """A word in the form in which words are compared: full case folding, NFC.

    A word of more than 64 code points is not normalized, and not folded where that makes it longer.
    """
    if word.isascii():
        return word.lower()
    # Spaces before a combining mark belong to its segment.
    word = word.lstrip()
    if len(word) <= _LONGEST_NORMALIZED:
        return normalize("NFC", normalize("NFC", word).casefold())
    folded = word.casefold()
    return folded if len(folded) == len(word) else word.lower()


def count_words(words: Iterable[str]) -> dict[str, int]:
    """How often each word of a text occurs, by its folded form."""
    counts: dict[str, int] = {}
    for word, count in Counter(words).items():
        folded = fold(word)
        counts[folded] = counts.get(folded, 0) + count
    return counts


def merge(partials: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The counts of chunks as those of the whole; of none, those of the empty text."""
    counts: Counter[str] = Counter()
    for chunk in partials:
        counts.update(chunk)
    return dict(counts)


def pack(counts: Mapping[str, int]) -> list[Any]:
    """Counts as JSON that is hardly longer than the text: each count once, followed by the words that have it.

    Args:
        counts: of words without spaces, as `fold` leaves them, each at least 1.

    Returns:
        For each count, in order: the count; its words of one code point, as one string; its other words, joined by
        spaces. Sorted, so that equal counts are packed to equal lists.
    """
    by_count: dict[int, list[str]] = {}
    for word, count in counts.items():
        by_count.setdefault(count, []).append(word)
    packed: list[Any] = []
    for count in sorted(by_count):
        words = sorted(by_count[count])
        single = "".join(word for word in words if len(word) == 1)
        packed += (count, single, " ".join(word for word in words if len(word) != 1))
    return packed


def unpack(packed: Sequence[Any]) -> dict[str, int]:
    """The counts that `pack` packed."""
    counts: dict[str, int] = {}
    for place in range(0, len(packed), 3):
        count, single, joined = packed[place : place + 3]
        counts.update(dict.fromkeys(single, count))
        if joined:
            counts.update(dict.fromkeys(joined.split(" "), count))
    return counts
