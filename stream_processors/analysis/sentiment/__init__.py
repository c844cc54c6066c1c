"""Sentiment of English texts: VADER's lexicon and rules at linear cost, sentence by sentence.

    finish(merge(partial(some_sentences), ...))

is the same however a text's sentences are dealt out. `score` and `explain` look at one sentence. Whether a text is
English is for the caller to know.
"""

from stream_processors.analysis.sentiment.charged import explain
from stream_processors.analysis.sentiment.density import VALUES, finish, merge, partial
from stream_processors.analysis.sentiment.rules import MAX_CHARACTERS, MAX_TOKENS
from stream_processors.analysis.sentiment.score import SentenceScore, score

__all__ = [
    "MAX_CHARACTERS",
    "MAX_TOKENS",
    "VALUES",
    "SentenceScore",
    "explain",
    "finish",
    "merge",
    "partial",
    "score",
]
