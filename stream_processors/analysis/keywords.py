"""Keywords: which words a text uses most, those left out that every text in its language uses.

The counts of all words are the partial result, which the number of unique words can be read from as well; the few
that are shown are chosen only at the end, since the most frequent words of chunks are not those of the whole.
"""

import re
from collections.abc import Mapping
from functools import cache
from heapq import nsmallest
from typing import Any

from stream_processors.analysis.counts import fold

_has_two_letters = re.compile(r"[^\W\d_][\W\d_]*[^\W\d_]").search
_split_elided = re.compile("['\u2019]").split

#: English words that the list of stop words took from lists for the search of old web pages: posts are about them.
_ABOUT = """ai bill bills buy computer cry eu fire free group groups home information interest invention man member
members men microsoft miss netscape novel problem problems proud research room rooms state states system test tv uk
web webpage website world young"""


def finish(counts: Mapping[str, int], language: str, k: int = 10) -> dict[str, Any]:
    """The keywords of a text from the counts of all its words.

    Args:
        counts: of folded words.
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
    eligible = [
        (-count, word)
        for word, count in counts.items()
        if word not in stop_words
        # Most words are letters and nothing else: the closer looks are for the others.
        and (
            (word.isalpha() and len(word) > 1)
            or (_has_two_letters(word) and not _is_elided(word, stop_words))
        )
    ]
    chosen = nsmallest(k, eligible) if len(eligible) > k else sorted(eligible)
    return {"keywords": [{"word": word, "count": -negative} for negative, word in chosen]}


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
