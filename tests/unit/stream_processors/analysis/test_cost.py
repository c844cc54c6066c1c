"""No text makes it raise, and time grows with the length, not with its square."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import analyze, analyze_chunk, merge, split
from tests.unit.stream_processors.analysis.clock import LARGE, SMALL, assert_linear

HOSTILE = {
    "one character": "a",
    "sentence without end": "word ",
    "full stops": ".",
    "a.a.a.": "a.",
    "question marks": "?",
    "terminators, closers, spaces": ".) ",
    "boundaries that are no cuts": "?A",
    "spaces that join": "A.\u202f",
    "modifiers after sentences": "A. \U0001f3fd",
    "emoji": "🙂",
    "families": "👩‍👩‍👧‍👦",
    "flags": "🇩",
    "joiners": "👩\u200d",
    "combining marks": "\u0301",
    "marks out of order": "\u0301\u0316",
    "combining marks, 10,000 deep": "e" + "\u0301\u0316" * 5_000,
    "one word of marks out of order": "e" + "\u0301\u0316" * LARGE,
    "blank": " ",
    "newlines": "\n",
    "right-to-left marks": "\u200f",
    "prepended marks": "\u0600",
    "ideographs": "中",
    "Thai": "ก",
    "conjuncts": "\u0915\u094d",
    "apostrophes": "a'",
    "numbers": "1,",
    "NUL": "\0",
    "surrogates": "\ud800",
    "hashes": "#",
    "each word another": "",
}


def hostile(name: str, length: int) -> str:
    unit = HOSTILE[name] or "".join(f"{number:x} " for number in range(length // 4))
    return (unit * (length // len(unit) + 1))[:length]


def chunked(text: str) -> object:
    return merge(analyze_chunk(chunk.text) for chunk in split(text, 1_000))


@pytest.mark.parametrize("function", [analyze, chunked])
@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str, function: Callable[[str], object]) -> None:
    assert_linear(function, hostile(name, SMALL), hostile(name, LARGE))


@settings(max_examples=1_000, deadline=None)
@given(text=st.text(st.characters(), max_size=60))
def test_no_text_raises(text: str) -> None:
    result = analyze(text)
    assert result["num_of_characters"] == len(text)
    assert result["num_of_graphemes"] <= len(text)
    assert result["num_of_unique_words"] <= result["num_of_words"] <= result["num_of_characters_in_words"]
    assert result["num_of_characters_in_words"] <= len(text)
    if not result["entities"]:  # A lone URL is a sentence without a word.
        assert (result["num_of_words"] == 0) == (result["num_of_sentences"] == 0)
    if result["num_of_words"]:
        assert 1 <= result["avg_word_len"] <= result["longest_word_len"] <= len(text)


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.integers(0xD800, 0xDFFF).map(chr) | st.characters(), max_size=30))
def test_surrogates_anywhere(text: str) -> None:
    assert analyze(text)["num_of_characters"] == len(text)
    assert "".join(chunk.text for chunk in split(text, 5)) == text
