"""Keywords: which words a text uses most, those left out that every text in its language uses.

The counts of all words are the partial result, which the number of unique words can be read from as well; the few
that are shown are chosen only at the end, since the most frequent words of chunks are not those of the whole.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from heapq import nsmallest
from typing import Any
from unicodedata import normalize

#: Normalizing takes time quadratic in the length of a run of combining marks: longer words stay as written.
_LONGEST_NORMALIZED = 64

_has_two_letters = re.compile(r"[^\W\d_][\W\d_]*[^\W\d_]").search
_split_elided = re.compile("['\u2019]").split

#: English words that the list of stop words took from lists for the search of old web pages: posts are about them.
_ABOUT = """ai bill bills buy computer cry eu fire free group groups home information interest invention man member
members men microsoft miss netscape novel problem problems proud research room rooms state states system test tv uk
web webpage website world young"""


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


def partial(words: Iterable[str]) -> dict[str, int]:
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


def finish(partial: Mapping[str, int], language: str, k: int = 10) -> dict[str, Any]:
    """The keywords of a text from the counts of all its words.

    Args:
        partial: folded words with their counts.
        language: ISO 639-1 code, whose stop words are left out; of one without a list, and of `und`, none are.
        k: how many keywords at most, at least 0.

    Returns:
        `keywords`: a list of `word` (folded) and `count`, by falling count, then in code point order. Words with
        less than two letters are none, so no numbers, and no ideographs that stand for themselves.

    Raises:
        ValueError: `k` is negative.
    """
    if k < 0:
        raise ValueError(f"k must be at least 0; it is {k}")
    stop_words = _stop_words(language)
    eligible = (
        (-count, word)
        for word, count in partial.items()
        if word not in stop_words and _has_two_letters(word) and not _is_elided(word, stop_words)
    )
    return {"keywords": [{"word": word, "count": -negative} for negative, word in nsmallest(k, eligible)]}


def _is_elided(word: str, stop_words: frozenset[str]) -> bool:
    """Whether a word with an apostrophe consists of stop words, as `c'est` or, written ’, `it’s` do."""
    parts = _split_elided(word)
    return len(parts) > 1 and (
        "'".join(parts) in stop_words or all(len(part) < 2 or part in stop_words for part in parts)
    )


@cache
def _stop_words(language: str) -> frozenset[str]:
    # Not at the top: the lists of all languages take 6 MB, which a process that analyzes nothing can do without.
    from stopwordsiso import stopwords

    words = frozenset(map(fold, stopwords(language)))
    return words.difference(_ABOUT.split()) if language == "en" else words
