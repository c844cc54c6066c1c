"""Words: how many, how long, and the longest."""

from collections.abc import Sequence
from typing import Any

from stream_processors.analysis.metric import Metric, Partial, Value
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
    name="words",
    values=(
        Value("num_of_words", "words", "how many words there are; see “What a word is”"),
        Value("num_of_characters_in_words", "code points", "the sum of the words' lengths"),
        Value(
            "avg_word_len",
            "code points a word",
            "`num_of_characters_in_words / num_of_words`; `null` without words",
        ),
        Value(
            "longest_word",
            "text",
            "the longest word as written; of several, the last in code point order; its first 64 code points; "
            "`null` without words",
        ),
        Value("longest_word_len", "code points", "its whole length; 0 without words"),
    ),
    carries="count, sum of lengths, greatest length, longest word (64 code points)",
    rule="sums; the greater by length, then by code points",
    analyze=_analyze,
    merge=_merge,
    finish=_finish,
)
