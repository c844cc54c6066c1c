"""Sentences: how many."""

from typing import Any

from stream_processors.analysis.metric import Metric, Partial
from stream_processors.analysis.text import Text


def _analyze(text: Text) -> int:
    return len(text.sentences)


def _finish(partial: Partial) -> dict[str, Any]:
    return {"num_of_sentences": partial["sentences"]}


METRIC = Metric("sentences", ("num_of_sentences",), _analyze, sum, _finish)
