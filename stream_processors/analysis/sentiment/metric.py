"""The sentiment of a text as a metric: of English ones, and of those too short to tell the language of."""

from typing import Any

from stream_processors.analysis import language
from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.sentiment.charged import LISTED
from stream_processors.analysis.sentiment.density import VALUES, finish, merge, partial
from stream_processors.analysis.text import Text

_SHARE = "0 to 1"


def _analyze(text: Text) -> list[list[Any]]:
    return partial(text.segments)


def _finish(merged: Partial) -> dict[str, Any]:
    spoken = language.finish(merged["language"])["language"]
    values = finish(merged["sentiment"])
    reason = None if values["sentiment"] is not None else "there is nothing to score"
    if spoken not in ("en", language.UNDETERMINED):
        reason = f"the language is {spoken}, and the lexicon English"
    elif spoken == language.UNDETERMINED and merged["words"][0] and not _speaks(merged["sentiment"]):
        reason = "the language cannot be told, and the lexicon knows no word"
    if reason is not None:
        values = dict.fromkeys(VALUES)
    values["sentiment_missing"] = reason
    return values


def _speaks(partial: list[list[Any]]) -> bool:
    """Whether the lexicon knew something: words too few to tell a language by, such as “great!”."""
    _, _, positives, negatives, *_ = partial[0]
    return bool(positives or negatives)


METRIC = Metric(
    name="sentiment",
    values=(
        Value(
            "sentiment", "-1 to 1", "negative to positive; see “Sentiment”; `null` where it cannot be told"
        ),
        Value("sentiment_label", "text", "`positive` from 0.05 on, `negative` from -0.05 on, else `neutral`"),
        Value("sentiment_positive", _SHARE, "share of the positive in what was scored"),
        Value("sentiment_negative", _SHARE, "share of the negative"),
        Value("sentiment_neutral", _SHARE, "share of the rest"),
        Value("num_of_positive_sentences", "sentences", "sentences that are positive taken alone"),
        Value("num_of_negative_sentences", "sentences", "sentences that are negative taken alone"),
        Value("num_of_neutral_sentences", "sentences", "sentences that are neither"),
        Value(
            "sentiment_words",
            "list of objects",
            f"the words and emoji that weigh most, at most {LISTED}: `word`, `valence`; see “Sentiment”",
        ),
        Value(
            "sentiment_missing",
            "text",
            "why the values of the sentiment are `null`; `null` where they are not",
        ),
    ),
    carries="sums of valences, tokens and shares, and counts of sentences; the lexicon's words with their valences",
    rule="sums; words whose sum is 0 are left out",
    analyze=_analyze,
    merge=merge,
    finish=_finish,
)
