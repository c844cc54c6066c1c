"""The language of a text."""

from collections.abc import Sequence
from typing import Any

from stream_processors.analysis import language
from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.text import Text


def _analyze(text: Text) -> dict[str, int]:
    return dict(sorted(language.partial(text.prose()).items()))


def _merge(partials: Sequence[dict[str, int]]) -> dict[str, int]:
    return dict(sorted(language.merge(partials).items()))


def _finish(partial: Partial) -> dict[str, Any]:
    return language.finish(partial["language"])


METRIC = Metric(
    name="language",
    values=(
        Value(
            "language",
            "ISO 639-1 code",
            "the language of most of the text, `und` where there is nothing to judge; see “Language”",
        ),
        Value(
            "language_confidence",
            "0.15 to 1",
            "its share of the votes of all sentences, by their letters; `null` for `und`",
        ),
    ),
    carries="votes by language",
    rule="sums",
    analyze=_analyze,
    merge=_merge,
    finish=_finish,
)
