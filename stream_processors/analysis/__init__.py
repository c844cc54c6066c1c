"""Text to metrics: pure functions, no I/O, the same result in chunks as in one piece.

    analyze(text) == finish(merge(map(analyze_chunk, chunks)))

for the texts `chunks` of every split at legal cuts, in any order and grouping. docs/metrics.md defines each
metric.
"""

from stream_processors.analysis.engine import analyze, analyze_chunk, explain, finish, merge
from stream_processors.analysis.metric import Partial
from stream_processors.analysis.registry import ANALYSIS_VERSION
from stream_processors.analysis.split import Chunk, split

__all__ = [
    "ANALYSIS_VERSION",
    "Chunk",
    "Partial",
    "analyze",
    "analyze_chunk",
    "explain",
    "finish",
    "merge",
    "split",
]
