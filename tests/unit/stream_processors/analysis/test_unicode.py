"""Segmentation against Unicode's own break tests, and what the shortcuts assume against the libraries."""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from icu4py.breakers import CharacterBreaker, SentenceBreaker
from icu4py.locale import Locale
from unicode_segmentation_rs import split_word_bounds, unicode_words

from stream_processors.analysis.entities import extract
from stream_processors.analysis.text import Text, _find_special, grapheme_clusters, sentence_segments

#: U+2701 lost Extended_Pictographic in Unicode 17, which the libraries follow; the tests are those of 16.
CHANGED_SINCE = {"✁\u200d✁", "a\u200d✁"}


def cases(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        rule = line.partition("#")[0].strip(" \t÷")
        if rule:
            yield [
                "".join(chr(int(point, 16)) for point in segment.split() if point != "×")
                for segment in rule.split("÷")
            ]


@pytest.mark.parametrize(
    ("name", "segment", "at_least"),
    [
        ("Word", split_word_bounds, 1800),
        ("Grapheme", grapheme_clusters, 1000),
        ("Sentence", sentence_segments, 500),
    ],
)
def test_unicode_break_tests(
    name: str, segment: Callable[[str], list[str]], at_least: int, test_data: Path
) -> None:
    given = list(cases(test_data / "unicode-16" / f"{name}BreakTest-16.0.0.txt"))
    assert len(given) > at_least
    wrong = [case for case in given if segment("".join(case)) != case]
    assert [case for case in wrong if "".join(case) not in CHANGED_SINCE] == []


def test_words_are_the_word_segments_with_a_letter_or_digit(test_data: Path) -> None:
    """The library has a shortcut of its own for ASCII: it must not differ."""
    for path in sorted((test_data / "unicode-16").glob("*BreakTest-*.txt")):
        for case in cases(path):
            text = "".join(case)
            if extract(text):
                continue  # An emoji is no part of a word, whatever joins it.
            assert Text(text).words == [s for s in split_word_bounds(text) if unicode_words("\n" + s)]


def test_sentences_are_the_sentence_segments_with_a_word(test_data: Path) -> None:
    for case in cases(test_data / "unicode-16" / "SentenceBreakTest-16.0.0.txt"):
        assert Text("".join(case)).sentences == [s for s in case if unicode_words(s)]


def test_what_python_takes_for_a_letter_or_digit_makes_a_word() -> None:
    """The shortcut that looks for letters with a regular expression never finds a sentence without a word."""
    odd = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if character.isalnum() and not unicode_words(character)
    ]
    assert odd == []


def test_plain_characters_stand_for_themselves() -> None:
    """Between any two plain characters but CR LF there is a grapheme boundary, and all are in form NFC."""
    plain = [
        character for character in map(chr, range(sys.maxunicode + 1)) if _find_special(character) is None
    ]
    assert len(plain) > 30_000
    # One member of each class that might join with what follows it or comes before it.
    for neighbor in ["a", "\r", "\n", " ", "\u00a9", "\u4e00", "\uac00", "\uac01", "👩", "🙂", "+"]:
        assert Text(neighbor).plain
        for joined in (
            "".join(neighbor + character for character in plain if character not in "\r\n"),
            neighbor + "".join(character for character in plain if character not in "\r\n"),
        ):
            assert len(grapheme_clusters(joined)) == len(joined)
    assert unicodedata.is_normalized("NFC", "".join(plain))


def test_posts_are_counted_alike_by_both_libraries(test_data: Path) -> None:
    root = Locale("und")
    for path in sorted((test_data / "languages").glob("??.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert len(grapheme_clusters(line)) == sum(1 for _ in CharacterBreaker(line, root))
            if Text(line).plain:
                assert len(grapheme_clusters(line)) == len(line)
            assert "".join(SentenceBreaker(line, root)) == line
