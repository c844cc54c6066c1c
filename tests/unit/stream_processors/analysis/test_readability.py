"""Readability: syllables by spelling, and the formula."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import readability
from stream_processors.analysis.counts import count_words
from stream_processors.analysis.text import Text
from tests.unit.stream_processors.analysis.clock import LARGE, SMALL, assert_linear
from tests.unit.stream_processors.analysis.test_cost import HOSTILE, hostile

#: Common words of many spellings, by their syllables as spoken.
SPOKEN = {
    1: """
        a the he be I you one love loved loves make makes time times please looked asked walked
        through strength rhymes eyes played stayed house league tongue school friend friends piece
        thought weren't can't don't love's judge queue bruised watched 中 2024 mr hmm
    """,
    2: """
        people little table apple handle bottle something sometimes lovely hopeful lonely being
        going seeing playing wanted needed faded boxes races changes watches lion quiet science diet
        poem giant trial brilliant player beyond party happy flying didn't isn't couldn't james's
        acre movement baseball woman awful orange english music river marriage picture million
        opening
    """,
    3: """
        beautiful video radio media idea area another animal family important happiest easier
        serious previous actual usual reaction various computer internet company remember hopefully
        tomorrow understand december enemy settlement banana vehicle potato october appleseed museum
        cinema theatre medium's
    """,
    4: """
        information education experience especially society reality television particular immediate
        situation january community political economy impossible absolutely material experience
    """,
    5: """
        university immediately opportunity international association imagination electricity
    """,
}


def spoken() -> list[tuple[str, int]]:
    return [(word.lower(), count) for count, words in SPOKEN.items() for word in words.split()]


def test_syllables_of_common_words() -> None:
    wrong = {
        word: readability.syllables(word) for word, count in spoken() if readability.syllables(word) != count
    }
    assert len(wrong) <= 0.05 * len(spoken()), wrong


@pytest.mark.parametrize(
    ("word", "count"), [("didn\u2019t", 2), ("", 1), ("'", 1), ("\ud800", 1), ("café", 2), ("naïve", 1)]
)
def test_other_spellings(word: str, count: int) -> None:
    assert readability.syllables(word) == count


def test_only_the_beginning_of_a_long_word_is_read() -> None:
    assert readability.syllables("ba" * 500_000) == 32


def test_flesch() -> None:
    # "The cat sat on the mat.": six words of one syllable in one sentence.
    assert readability.flesch_reading_ease(6, 1, 6) == 116.145
    assert readability.flesch_reading_ease(0, 0, 0) is None
    assert readability.flesch_reading_ease(3, 0, 4) is None


@given(st.integers(1, 10**7), st.integers(1, 10**6), st.integers(1, 10**8))
def test_flesch_is_correctly_rounded(words: int, sentences: int, syllables: int) -> None:
    exact = (
        Fraction("206.835")
        - Fraction("1.015") * Fraction(words, sentences)
        - Fraction("84.6") * Fraction(syllables, words)
    )
    assert readability.flesch_reading_ease(words, sentences, syllables) == float(exact)


def test_ratios() -> None:
    assert readability.type_token_ratio(2, 3) == 2 / 3
    assert readability.type_token_ratio(0, 0) is None
    assert readability.avg_sentence_len(7, 2) == 3.5
    assert readability.avg_sentence_len(0, 0) is None


def test_a_novel_is_fairly_easy(novel: str) -> None:
    text = Text(novel)
    syllables = readability.partial(count_words(text.words))
    ease = readability.flesch_reading_ease(len(text.words), len(text.sentences), syllables)
    assert ease is not None
    assert 60 < ease < 80


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("aeioutdlgsrmn'y ble中\ud800") | st.characters(), max_size=80))
def test_no_text_raises(word: str) -> None:
    assert 1 <= readability.syllables(word) <= 64


@given(st.lists(st.sampled_from(["idea", "video", "Apple", "didn't", "中"]), max_size=9), st.integers(0, 9))
def test_chunks_add_up(words: list[str], cut: int) -> None:
    parts = [readability.partial(count_words(part)) for part in (words[cut:], words[:cut])]
    assert sum(parts) == readability.partial(count_words(words))


@pytest.mark.parametrize("name", [*HOSTILE, "silent letters"])
def test_time_is_linear(name: str) -> None:
    def counts(length: int) -> dict[str, int]:
        text = "bely" * (length // 4) if name == "silent letters" else hostile(name, length)
        return count_words(Text(text).words)

    def uncached(counts: dict[str, int]) -> int:
        readability._syllables.cache_clear()
        return readability.partial(counts)

    assert_linear(uncached, counts(SMALL), counts(LARGE))
