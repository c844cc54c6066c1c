"""Words: how many, how long, and the longest."""

from collections.abc import Sequence
from typing import Any

from stream_processors.analysis.metric import Metric, Partial
from stream_processors.analysis.text import Text

#: Code points kept of the longest word: a "word" of a megabyte must not travel with the result.
_KEPT = 64


def _analyze(text: Text) -> list[Any]:
    words = text.words
    if not words:
        return [0, 0, 0, ""]
    lengths = list(map(len, words))
    longest = max(lengths)
    if lengths.count(longest) == 1:
        word = words[lengths.index(longest)]
    else:
        word = max(word for word in words if len(word) == longest)
    return [len(words), sum(lengths), longest, word[:_KEPT]]


def _merge(partials: Sequence[list[Any]]) -> list[Any]:
    longest, word = max(((partial[2], partial[3]) for partial in partials), default=(0, ""))
    return [sum(partial[0] for partial in partials), sum(partial[1] for partial in partials), longest, word]


def _finish(partial: Partial) -> dict[str, Any]:
    count, characters, longest, word = partial["words"]
    return {
        "num_of_words": count,
        "num_of_characters_in_words": characters,
        "avg_word_len": characters / count if count else None,
        "longest_word": word or None,
        "longest_word_len": longest,
    }


METRIC = Metric(
    "words",
    ("num_of_words", "num_of_characters_in_words", "avg_word_len", "longest_word", "longest_word_len"),
    _analyze,
    _merge,
    _finish,
)
