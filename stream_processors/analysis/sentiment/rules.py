"""VADER's rules over one sentence, in time linear in its length: which words carry which valence.

Lexicon, constants and rules are those of the `vaderSentiment` package, which is asked word by word. As it stands it
lower-cases all words of a text for each of them, and looks each valence up among all others. But its rules look at
three words before a word and two after it only, so here they are given these and no more, and they are not asked at
all where none of these words can change a valence. Restated is what runs over the whole text: taking it apart into
words, and the contrast that a `but` makes. Scores are the package's in all texts but those with the two invisible
characters that emoji are put together with (see `READ_AS`).
"""

from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import chain
from string import punctuation
from typing import Final, NamedTuple

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
    allcap_differential,
)

MAX_TOKENS: Final = 1_000
"""Of one sentence this many tokens are scored, the first ones. What has more is no sentence, and its score would be
at an end of the scale anyway."""

MAX_CHARACTERS: Final = 16 * MAX_TOKENS
"""Of one sentence this many code points are looked at, so that a word of a megabyte costs no more than a long
sentence does."""


class _Vader(SentimentIntensityAnalyzer):  # type: ignore[misc]
    """VADER, whose two most costly rules are asked only where they can change a valence."""

    @staticmethod
    def _negation_check(valence: float, words: list[str], distance: int, index: int) -> float:
        word = words[index - distance - 1].lower()
        if (
            word in _NEGATIONS
            or "n't" in word
            or (distance == 2 and words[index - 1].lower() in ("so", "this"))
        ):
            return SentimentIntensityAnalyzer._negation_check(valence, words, distance, index)  # type: ignore[no-any-return]
        return valence

    @staticmethod
    def _special_idioms_check(valence: float, words: list[str], index: int) -> float:
        if _PHRASE_WORDS.isdisjoint(map(str.lower, words)):
            return valence
        return SentimentIntensityAnalyzer._special_idioms_check(valence, words, index)  # type: ignore[no-any-return]


VADER: Final = _Vader()

# An emoji is read as the words of its description. VADER's list has sequences of several code points too, but it
# looks at one code point at a time and never finds these. The space in front may be one too many: harmless,
# since what follows splits at whitespace.
READ_AS: Final[dict[int, str | None]] = {
    ord(emoji): f" {words}" for emoji, words in VADER.emojis.items() if len(emoji) == 1
}
# What asks for the colored form of an emoji, and what joins several to one, would hang on the last word of the
# description, which would not be found: VADER has a score for a heart, but not for the one that phones write.
READ_AS[0xFE0F] = None
READ_AS[0x200D] = " "

# A degree word has no valence of its own, even if the lexicon should have one for it.
_VALENCES: Final = {word: valence for word, valence in VADER.lexicon.items() if word not in BOOSTER_DICT}

# One word of each phrase that the rules know, the longest: without it in sight the phrase cannot be there.
_PHRASE_WORDS = frozenset(
    max(phrase.split(), key=len) for phrase in chain(SPECIAL_CASES, BOOSTER_DICT) if " " in phrase
)
_NEGATIONS = frozenset(NEGATE)
# What changes the valence of a word that comes up to three words later,
_MODIFIERS = _PHRASE_WORDS.union(NEGATE, BOOSTER_DICT, ("no", "least", "this"))
# and what changes its own or that of a word up to two words earlier: it stands in a phrase, or negates the next.
_MODIFIED = _PHRASE_WORDS | {"no"}


class Reading(NamedTuple):
    """A sentence as VADER reads it.

    Attributes:
        text: the sentence, within the caps, emoji replaced by their descriptions.
        words: its tokens: between whitespace, punctuation around words removed, emoticons kept.
        valences: index of a token -> its valence after the rules, on VADER's scale of about -4 to 4; those that
            are 0 are left out. In the order of the tokens.
    """

    text: str
    words: list[str]
    valences: dict[int, float]


class _Window(NamedTuple):
    """As much of a text as VADER's rules for one word look at; the names are those that they use."""

    words_and_emoticons: list[str]
    is_cap_diff: bool


def read(sentence: str) -> Reading:
    """The tokens of a sentence and the valences of those that have one. Any `str` is answered."""
    text, words = _tokens(expand(sentence))
    lowered = [word.lower() for word in words]
    charged = [index for index, word in enumerate(lowered) if word in _VALENCES]
    if not charged:
        return Reading(text, words, {})
    valences = {}
    contracted = "'" in text
    capitals: bool | None = None
    for index in charged:
        before = lowered[max(index - 3, 0) : index]
        if (
            _MODIFIERS.isdisjoint(before)
            and _MODIFIED.isdisjoint(lowered[index : index + 3])
            and not words[index].isupper()
            and not (contracted and "n't" in " ".join(before))
        ):
            valence = _VALENCES[lowered[index]]
        else:
            if capitals is None:
                capitals = allcap_differential(words)
            valence = _ruled(words, index, capitals)
        if valence:
            valences[index] = valence
    if "but" in lowered:
        _contrast(valences, lowered.index("but"))
    return Reading(text, words, valences)


def expand(sentence: str, descriptions: Mapping[int, str | None] = READ_AS) -> str:
    """The sentence, within the cap on its code points, with emoji replaced by their descriptions.

    Args:
        descriptions: code point -> what is read in its place, with a space in front of each word.
    """
    text = sentence[:MAX_CHARACTERS]
    return text if text.isascii() else text.translate(descriptions)


def _tokens(text: str) -> tuple[str, list[str]]:
    """The text within the cap on its tokens, and these.

    What two characters or fewer remain of without its punctuation is left as it is: it may be an emoticon.
    """
    pieces = text.split(None, MAX_TOKENS)
    if len(pieces) > MAX_TOKENS:
        text = text[: -len(pieces.pop())]
    return text, [word if len(word := piece.strip(punctuation)) > 2 else piece for piece in pieces]


def _ruled(words: list[str], index: int, capitals: bool) -> float:
    """The valence of one word by VADER's own rules, which see what is around it."""
    start = max(index - 3, 0)
    window = words[start : index + 3]
    place = index - start
    if window[place].lower() == "kind" and [word.lower() for word in window[place + 1 : place + 2]] == ["of"]:
        return 0.0
    valence: float = VADER.sentiment_valence(0, _Window(window, capitals), window[place], place, [])[0]
    return valence


def _contrast(valences: dict[int, float], place: int) -> None:
    """Halve what stands before the `but` at `place`, and raise what stands after it by half.

    VADER walks over the valences and, for each, changes the first one in the sentence that equals it at that
    moment. Where words have equal valences, that is not always the one it has come to. So that scores
    are the same, each valence has a heap of its places here, which gives the first without a search.
    """
    places: dict[float, list[int]] = {}
    for index, valence in valences.items():
        places.setdefault(valence, []).append(index)
    for index in valences:
        valence = valences[index]
        first = heappop(places[valence])
        changed = valence * (0.5 if first < place else 1.5)
        heappush(places.setdefault(changed, []), first)
        valences[first] = changed
