"""The sentiment of one sentence: VADER's scores as integers, and the words that made them."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from vaderSentiment.vaderSentiment import normalize

from stream_processors.analysis.sentiment.rules import MAX_CHARACTERS, VADER, expand, read

UNIT: Final = 10_000
"""Compound scores and valences are integers in ten-thousandths: VADER rounds scores to four decimals."""

SHARE_UNIT: Final = 1_000
"""Shares are integers in thousandths: VADER rounds them to three decimals."""

_find_letter_or_digit = re.compile(r"[^\W_]").search
_find_tokens = re.compile(r"\S+").finditer


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
    text, words, valences = read(sentence)
    if not valences:
        scored = len(words) if _find_letter_or_digit(text) else 0
        return SentenceScore(0, 0, 0, SHARE_UNIT if words else 0, 0, scored)
    values = list(valences.values())
    emphasis = VADER._punctuation_emphasis(text)
    total = _emphasized(sum(values), emphasis)
    positive, negative, _ = VADER._sift_sentiment_scores(values)
    negative = -negative
    if positive > negative:
        positive += emphasis
    elif positive < negative:
        negative += emphasis
    neutral = len(words) - len(values)
    whole = positive + negative + neutral
    return SentenceScore(
        _rounded(normalize(total), 4, UNIT),
        _rounded(positive / whole, 3, SHARE_UNIT),
        _rounded(negative / whole, 3, SHARE_UNIT),
        _rounded(neutral / whole, 3, SHARE_UNIT),
        _rounded(total, 4, UNIT),
        len(words),
    )


def explain(sentence: str) -> list[tuple[str, float]]:
    """What made the score of a sentence: words with their valences after the rules, in the order of the sentence.

    A word is written as VADER reads it, an emoji with the word of its description that counted (`😍 smiling`).
    Valences (about -4 to 4) are those after negation, degree words, capitals and `but`. Where `!` or `?` add
    emphasis, they are the last entry. The sum of all valences, normalized, is the compound score.
    """
    text, words, valences = read(sentence)
    if not valences:
        return []
    names = _names(sentence, words, valences)
    reasons = [(name, round(valence, 4)) for name, valence in zip(names, valences.values(), strict=True)]
    total = sum(valences.values())
    emphasis = _emphasized(total, VADER._punctuation_emphasis(text)) - total
    if emphasis:
        reasons.append(("".join(mark for mark in text if mark in "!?")[:4], round(emphasis, 4)))
    return reasons


def _emphasized(total: float, emphasis: float) -> float:
    """Exclamation and question marks take a sum of valences further from 0, to the side where it is."""
    if total > 0:
        return total + emphasis
    return total - emphasis if total < 0 else total


def _rounded(value: float, decimals: int, unit: int) -> int:
    """A value rounded to some decimals, as VADER does it, in units of the last of them."""
    return round(round(value, decimals) * unit)


def _names(sentence: str, words: list[str], places: Iterable[int]) -> Iterator[str]:
    """The words at some places, those of an emoji's description with the emoji in front."""
    ends = list(accumulate(len(expand(character)) for character in sentence[:MAX_CHARACTERS]))
    starts = [match.start() for match in _find_tokens(expand(sentence))]
    for place in places:
        # A description begins with a space, so that the character in which a token begins is the one it is from.
        character = sentence[bisect_right(ends, starts[place])]
        yield f"{character} {words[place]}" if expand(character) != character else words[place]
