"""Where a long text may be cut so that its chunks, merged, give what the whole text gives.

A legal cut is a UAX #29 sentence boundary whose last character is whitespace, if words and grapheme clusters
end there too. They nearly always do; not after U+202F, which is whitespace and joins words, and not before an
emoji modifier or a Thai vowel sign, which attach to any character. Neither sentences nor words nor clusters
look across such a boundary, so each piece is segmented as it was within the whole. (Any sentence boundary
would not do: one stands within `https://a.example/?q=1`.)
"""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from unicode_segmentation_rs import split_word_bounds

from stream_processors.analysis.text import grapheme_clusters, scrub, sentence_segments


class Chunk(NamedTuple):
    """A piece of a text.

    Attributes:
        text: the piece; joined in order, the pieces are the text.
        exact: False where one of its ends is no legal cut, so that what is counted across it may be off.
        start: where it begins in the text, in code points.
    """

    text: str
    exact: bool
    start: int = 0


def split(text: str, chunk_chars: int, *, hard_cap: int | None = None) -> list[Chunk]:
    """Cut a text into chunks, at legal cuts only as long as there are any.

    Args:
        text: any string; the empty one is one empty chunk.
        chunk_chars: the length to reach, in code points, at least 1. A chunk is longer only where its
            text has no legal cut that near.
        hard_cap: the length at which a chunk without a legal cut is cut all the same: at a bare sentence
            boundary, else after whitespace, else between grapheme clusters. By default twice `chunk_chars`.

    Raises:
        ValueError: `chunk_chars` is less than 1, or `hard_cap` less than `chunk_chars`.
    """
    cap = 2 * chunk_chars if hard_cap is None else hard_cap
    if not 1 <= chunk_chars <= cap:
        raise ValueError(
            f"chunk_chars must be at least 1 and not more than hard_cap; they are {chunk_chars} and {cap}"
        )
    if len(text) <= chunk_chars:
        return [Chunk(text, True)]
    scrubbed = scrub(text)
    ends = list(accumulate(map(len, sentence_segments(scrubbed))))
    chunks = []
    start, start_legal = 0, True
    while start < len(text):
        end = _legal_cut(scrubbed, ends, start, chunk_chars, cap)
        end_legal = end is not None
        if end is None:
            end = _hard_cut(scrubbed, ends, start, cap)
        chunks.append(Chunk(text[start:end], start_legal and end_legal, start))
        start, start_legal = end, end_legal
    return chunks


def _legal_cut(text: str, ends: list[int], start: int, size: int, cap: int) -> int | None:
    """The last legal cut within `size` code points of `start`, else the first within `cap`, else None."""
    first = bisect_right(ends, start)
    beyond = bisect_right(ends, start + size)
    for index in range(beyond - 1, first - 1, -1):
        if _is_legal(text, ends[index]):
            return ends[index]
    for index in range(beyond, bisect_right(ends, start + cap)):
        if _is_legal(text, ends[index]):
            return ends[index]
    return None


def _is_legal(text: str, end: int) -> bool:
    return end == len(text) or (text[end - 1].isspace() and _separate(text, end))


def _separate(text: str, place: int) -> bool:
    """Whether whitespace before `place` shares neither word segment nor grapheme cluster with what follows.

    Two characters tell: no rule of UAX #29 looks further back than a whitespace character.
    """
    pair = text[place - 1 : place + 1]
    return len(split_word_bounds(pair)) == 2 and len(grapheme_clusters(pair)) == 2


def _hard_cut(text: str, ends: list[int], start: int, cap: int) -> int:
    """The least harmful cut within `cap` code points of `start`, in the second half where it can be had."""
    limit, half = start + cap, start + cap // 2
    sentence = ends[bisect_right(ends, limit) - 1] if ends[0] <= limit else 0
    if sentence > half:
        return sentence
    for place in range(limit, half, -1):
        if text[place - 1].isspace() and _separate(text, place):
            return place
    # With one character more than may be had: the last cluster begins where the last possible cut is.
    # If it is all there is, it has to be cut.
    clusters = grapheme_clusters(text[start : limit + 1])
    return limit + 1 - len(clusters[-1]) if len(clusters) > 1 else limit
