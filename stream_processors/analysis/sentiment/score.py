"""The sentiment of one sentence: VADER's scores as integers."""

import re
from typing import Final, NamedTuple

from vaderSentiment.vaderSentiment import normalize

from stream_processors.analysis.sentiment.rules import VADER, Reading, read

UNIT: Final = 10_000
"""Compound scores and valences are integers in ten-thousandths: VADER rounds scores to four decimals."""

SHARE_UNIT: Final = 1_000
"""Shares are integers in thousandths: VADER rounds them to three decimals."""

_find_letter_or_digit = re.compile(r"[^\W_]").search


class SentenceScore(NamedTuple):
    """VADER's scores of one sentence, as integers, so that sums of many do not depend on their order.

    Attributes:
        compound: from -10,000 to 10,000: `valence` normalized, in ten-thousandths.
        positive: share of the positive in the sentence, in thousandths.
        negative: share of the negative, in thousandths.
        neutral: share of the rest, in thousandths. Rounded one by one, the three may miss 1,000 by one.
        valence: the sum of the words' valences with the emphasis of `!` and `?`, in ten-thousandths.
        tokens: how many tokens VADER sees, at most `MAX_TOKENS`; 0 if there is nothing to score: no letter and no
            digit, and no emoji or emoticon that the lexicon knows.
    """

    compound: int
    positive: int
    negative: int
    neutral: int
    valence: int
    tokens: int


def score(sentence: str) -> SentenceScore:
    """VADER's scores of a sentence, in time linear in its length. Any `str` is answered.

    Compound and shares are those of vaderSentiment's `polarity_scores`, for at most `MAX_TOKENS` tokens in at most
    `MAX_CHARACTERS` code points of the sentence, and with one correction: U+FE0F and U+200D, of which emoji are
    put together, do not keep it from finding these.

    Source: Hutto & Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text,
    ICWSM 2014.
    """
    return scored(read(sentence))


def scored(reading: Reading) -> SentenceScore:
    """The same of a sentence that was read already."""
    text, words, valences = reading
    if not valences:
        tokens = len(words) if _find_letter_or_digit(text) else 0
        return SentenceScore(0, 0, 0, SHARE_UNIT if words else 0, 0, tokens)
    values = list(valences.values())
    emphasis = VADER._punctuation_emphasis(text)
    total = emphasized(sum(values), emphasis)
    positive, negative, _ = VADER._sift_sentiment_scores(values)
    negative = -negative
    if positive > negative:
        positive += emphasis
    elif positive < negative:
        negative += emphasis
    neutral = len(words) - len(values)
    whole = positive + negative + neutral
    return SentenceScore(
        rounded(normalize(total), 4, UNIT),
        rounded(positive / whole, 3, SHARE_UNIT),
        rounded(negative / whole, 3, SHARE_UNIT),
        rounded(neutral / whole, 3, SHARE_UNIT),
        rounded(total, 4, UNIT),
        len(words),
    )


def emphasized(total: float, emphasis: float) -> float:
    """Exclamation and question marks take a sum of valences further from 0, to the side where it is."""
    if total > 0:
        return total + emphasis
    return total - emphasis if total < 0 else total


def rounded(value: float, decimals: int, unit: int) -> int:
    """A value rounded to some decimals, as VADER does it, in units of the last of them."""
    # Mostly one side has no share, and rounding is what costs here.
    return round(round(value, decimals) * unit) if value else 0
