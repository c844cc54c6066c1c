"""The charged words, which make a sentiment: a sentence's in their order, and a text's as sums that merge.

What is summed up is the valence after the rules, of each occurrence in ten-thousandths. Words are those of the
lexicon, so that a partial result is bounded by it, however long the text.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from stream_processors.analysis import counts
from stream_processors.analysis.sentiment.rules import MAX_TOKENS, READ_AS, VADER, Reading, expand, read
from stream_processors.analysis.sentiment.score import UNIT, emphasized

LISTED: Final = 10
"""Words that are shown of a text at most."""

#: `READ_AS`, with the emoji in front of each word of its description.
_NAMED = READ_AS | {
    code: "".join(f" {chr(code)}{word}" for word in words.split())
    for code, words in READ_AS.items()
    if words and not words.isspace()
}


def explain(sentence: str) -> list[tuple[str, float]]:
    """What made the score of a sentence: words with their valences after the rules, in the order of the sentence.

    A word is written as VADER reads it, an emoji with the word of its description that counted (`😍 smiling`).
    Valences (about -4 to 4) are those after negation, degree words, capitals and `but`. Where `!` or `?` add
    emphasis, they are the last entry. The sum of all valences, normalized, is the compound score.
    """
    reading = read(sentence)
    names = _names(sentence, reading)
    reasons = [(names[place], round(valence * UNIT) / UNIT) for place, valence in reading.valences.items()]
    total = sum(reading.valences.values())
    emphasis = emphasized(total, VADER._punctuation_emphasis(reading.text)) - total
    if emphasis:
        marks = "".join(mark for mark in reading.text if mark in "!?")
        reasons.append((marks[:4], round(emphasis * UNIT) / UNIT))
    return reasons


def add(sums: dict[str, int], sentence: str, reading: Reading) -> None:
    """Add the valences of a sentence's words, in small letters, to the sums of a text's in ten-thousandths."""
    names = _names(sentence, reading)
    for place, valence in reading.valences.items():
        word = names[place].lower()
        sums[word] = sums.get(word, 0) + round(valence * UNIT)


def pack(sums: Mapping[str, int]) -> list[Any]:
    """Sums as JSON: pairs of word and sum in the order in which they are shown; what cancels out is left out."""
    packed = [[word, valence] for word, valence in sums.items() if valence]
    packed.sort(key=_rank)
    return packed


def merge(partials: Iterable[Sequence[Any]]) -> list[Any]:
    """The packed sums of several partial results, in any order and grouping."""
    return pack(counts.merge(map(dict, partials)))


def finish(packed: Sequence[Any]) -> list[dict[str, Any]]:
    """The words that weigh most: `word` and `valence`, by falling absolute valence, then in code point order."""
    return [{"word": word, "valence": valence / UNIT} for word, valence in packed[:LISTED]]


def _rank(pair: Sequence[Any]) -> tuple[int, str]:
    word, valence = pair
    return -abs(valence), word


def _names(sentence: str, reading: Reading) -> Sequence[str] | Mapping[int, str]:
    """By the places of charged words these words, those of an emoji's description with the emoji in front."""
    if sentence.isascii() or sentence == reading.text:
        return reading.words
    # As many as the words, since as many come for an emoji.
    tokens = expand(sentence, _NAMED).split(None, MAX_TOKENS)
    names = {}
    for place in reading.valences:
        first, word = tokens[place][0], reading.words[place]
        names[place] = f"{first} {word}" if ord(first) in _NAMED else word
    return names
