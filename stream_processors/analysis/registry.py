"""Every metric, in the order of the result. A new one is a module and a line here."""

from stream_processors.analysis import characters, sentences, vocabulary, words
from stream_processors.analysis.metric import Metric

ANALYSIS_VERSION = 1
"""Grows with every change after which the same text may give another partial result or another value."""

METRICS: tuple[Metric, ...] = (
    words.METRIC,
    vocabulary.METRIC,
    characters.METRIC,
    sentences.METRIC,
)
