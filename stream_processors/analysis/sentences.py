"""Sentences: how many, how long."""

from typing import Any

from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.readability import avg_sentence_len
from stream_processors.analysis.text import Text


def _analyze(text: Text) -> int:
    return len(text.sentences)


def _finish(partial: Partial) -> dict[str, Any]:
    count = partial["sentences"]
    return {"num_of_sentences": count, "avg_sentence_len": avg_sentence_len(partial["words"][0], count)}


METRIC = Metric(
    name="sentences",
    values=(
        Value("num_of_sentences", "sentences", "how many sentences there are; see “What a sentence is”"),
        Value(
            "avg_sentence_len",
            "words a sentence",
            "`num_of_words / num_of_sentences`; `null` without sentences",
        ),
    ),
    carries="count",
    rule="sum",
    analyze=_analyze,
    merge=sum,
    finish=_finish,
)
