"""Time grows with the length of a sentence, then not even that; the package's own grows with its square."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from stream_processors.analysis.sentiment import explain, partial, rules, score
from stream_processors.analysis.text import scrub, sentence_segments
from tests.unit.stream_processors.analysis.clock import LARGE, SMALL, assert_linear, seconds

HOSTILE = {
    "emoji": "😂",
    "emoji with joiners": "❤\ufe0f\u200d",
    "one word": "good ",
    "two words": "good bad ",
    "exclamation marks": "!",
    "marks apart": "! ? ",
    "question marks": "?",
    "capitals": "GREAT ",
    "some capitals": "GREAT day ",
    "negations": "not ",
    "negated": "not not not good ",
    "contractions": "don't didn't like ",
    "contrast": "but ",
    "contrasted": "good but bad ",
    "degrees": "very very so good ",
    "phrases": "to die for the shit kind of yeah right ",
    "no": "no ",
    "least": "least good ",
    "punctuation": ".,;:'",
    "words in punctuation": "'''good''' ",
    "emoticons": ":) ",
    "combining marks": "\u0301",
    "combining marks on words": "good\u0301 ",
    "surrogates": "\ud83d",
    "sentence without end": "the good word and the bad one ",
    "one word without end": "a",
    "blank": " ",
}


def hostile(name: str, length: int) -> str:
    unit = HOSTILE[name]
    return (unit * (length // len(unit) + 1))[:length]


def post(text: str) -> object:
    return partial(sentence_segments(scrub(text)))


def assert_cheap(function: Callable[[str], object], name: str) -> None:
    assert_linear(function, hostile(name, SMALL), hostile(name, LARGE))


@pytest.mark.parametrize("function", [score, explain, post])
@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str, function: Callable[[str], object]) -> None:
    assert_cheap(function, name)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_rules_are_linear_without_the_caps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_TOKENS", LARGE)
    monkeypatch.setattr(rules, "MAX_CHARACTERS", LARGE)
    assert_cheap(score, name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sentence_of_a_megabyte_costs_no_more_than_the_longest_that_is_scored(name: str) -> None:
    longest = hostile(name, rules.MAX_CHARACTERS)
    assert score(hostile(name, 1_000_000)) == score(longest)
    assert seconds(score, hostile(name, 1_000_000), 3) < 3 * max(seconds(score, longest, 3), 0.0005)


def test_no_network_library_is_loaded() -> None:
    code = (
        "import sys, stream_processors.analysis.sentiment; "
        "print('requests' in sys.modules, 'socket' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
