"""The vocabulary: which different words there are, and which of them a text uses most."""

from collections.abc import Sequence
from typing import Any

from stream_processors.analysis import keywords, language
from stream_processors.analysis.counts import merge, pack, unpack
from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.readability import type_token_ratio
from stream_processors.analysis.text import Text


def _analyze(text: Text) -> list[Any]:
    return pack(text.counts)


def _merge(partials: Sequence[list[Any]]) -> list[Any]:
    return pack(merge(map(unpack, partials)))


def _finish(partial: Partial) -> dict[str, Any]:
    counts = unpack(partial["vocabulary"])
    spoken = language.finish(partial["language"])["language"]
    return {
        "num_of_unique_words": len(counts),
        "type_token_ratio": type_token_ratio(len(counts), partial["words"][0]),
        **keywords.finish(counts, spoken),
    }


METRIC = Metric(
    name="vocabulary",
    values=(
        Value("num_of_unique_words", "words", "different words, without regard to case; see “Unique words”"),
        Value(
            "type_token_ratio",
            "0 to 1",
            "`num_of_unique_words / num_of_words`, which falls with the length of a text; `null` without words",
        ),
        Value(
            "keywords",
            "list of objects",
            "the ten most frequent words that say what the text is about: `word`, `count`; see “Keywords”",
        ),
    ),
    carries="every different word with its count",
    rule="sums",
    analyze=_analyze,
    merge=_merge,
    finish=_finish,
)
