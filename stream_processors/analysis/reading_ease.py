"""How hard an English text is to read."""

from typing import Any

from stream_processors.analysis import language, readability
from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.readability import flesch_reading_ease
from stream_processors.analysis.text import Text


def _analyze(text: Text) -> int:
    return readability.partial(text.counts)


def _finish(partial: Partial) -> dict[str, Any]:
    english = language.finish(partial["language"])["language"] == "en"
    ease = flesch_reading_ease(partial["words"][0], partial["sentences"], partial["reading_ease"])
    return {"flesch_reading_ease": ease if english else None}


METRIC = Metric(
    name="reading_ease",
    values=(
        Value(
            "flesch_reading_ease",
            "points; 100 is very easy, 30 difficult",
            "206.835 - 1.015 words/sentence - 84.6 syllables/word (Flesch 1948); `null` unless `language` is `en`",
        ),
    ),
    carries="count of syllables",
    rule="sum",
    analyze=_analyze,
    merge=sum,
    finish=_finish,
)
