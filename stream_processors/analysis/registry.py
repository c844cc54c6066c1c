"""Every metric, in the order of the result. A new one is a module and a line here."""

from stream_processors.analysis import (
    characters,
    mentioned,
    reading_ease,
    sentences,
    spoken,
    vocabulary,
    words,
)
from stream_processors.analysis.metric import Metric
from stream_processors.analysis.sentiment import metric as sentiment

ANALYSIS_VERSION = 3
"""Grows with every change after which the same text may give another partial result or another value."""

METRICS: tuple[Metric, ...] = (
    words.METRIC,
    vocabulary.METRIC,
    characters.METRIC,
    sentences.METRIC,
    reading_ease.METRIC,
    spoken.METRIC,
    sentiment.METRIC,
    mentioned.METRIC,
)
