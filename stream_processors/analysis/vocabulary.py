"""The vocabulary: which different words there are."""

from collections.abc import Sequence
from typing import Any
from unicodedata import normalize

from stream_processors.analysis.metric import Metric, Partial
from stream_processors.analysis.text import Text

#: Normalizing takes time quadratic in the length of a run of combining marks: longer words stay as written.
_LONGEST_NORMALIZED = 64


def _analyze(text: Text) -> list[str]:
    words = text.words if text.plain else map(_normalized, text.words)
    return sorted(set(map(str.casefold, words)))


def _normalized(word: str) -> str:
    if word.isascii() or len(word) > _LONGEST_NORMALIZED:
        return word
    return normalize("NFC", word)


def _merge(partials: Sequence[list[str]]) -> list[str]:
    return sorted(set().union(*partials))


def _finish(partial: Partial) -> dict[str, Any]:
    return {"num_of_unique_words": len(partial["vocabulary"])}


METRIC = Metric("vocabulary", ("num_of_unique_words",), _analyze, _merge, _finish)
