"""Characters: code points and grapheme clusters."""

from collections.abc import Sequence
from typing import Any

from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.text import Text, grapheme_clusters


def _analyze(text: Text) -> list[int]:
    raw = text.raw
    if text.plain:
        return [len(raw), len(raw) - raw.count("\r\n")]
    return [len(raw), len(grapheme_clusters(raw))]


def _merge(partials: Sequence[list[int]]) -> list[int]:
    return [sum(partial[0] for partial in partials), sum(partial[1] for partial in partials)]


def _finish(partial: Partial) -> dict[str, Any]:
    code_points, clusters = partial["characters"]
    return {"num_of_characters": code_points, "num_of_graphemes": clusters}


METRIC = Metric(
    name="characters",
    values=(
        Value("num_of_characters", "code points", "the length of the text"),
        Value(
            "num_of_graphemes",
            "grapheme clusters",
            "what a reader takes for characters: `é`, a family emoji or a flag is one, however it is encoded; "
            "so is CR LF",
        ),
    ),
    carries="two counts",
    rule="sums",
    analyze=_analyze,
    merge=_merge,
    finish=_finish,
)
