"""Characters: code points and grapheme clusters."""

from collections.abc import Sequence
from typing import Any

from stream_processors.analysis.metric import Metric, Partial
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


METRIC = Metric("characters", ("num_of_characters", "num_of_graphemes"), _analyze, _merge, _finish)
