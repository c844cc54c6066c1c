"""Keywords: exact counts that add up, compact on the way, chosen at the end."""

import sys
from collections import Counter
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import keywords
from stream_processors.analysis.counts import count_words, fold, merge, pack, unpack
from stream_processors.analysis.text import Text
from tests.unit.stream_processors.analysis.clock import LARGE, SMALL, assert_linear
from tests.unit.stream_processors.analysis.test_cost import HOSTILE, hostile

ANY_TEXT = st.text(st.characters() | st.integers(0xD800, 0xDFFF).map(chr), max_size=60)
WORDS = st.lists(st.sampled_from(["Straße", "STRASSE", "a", "B", "中", "é", "e\u0301", "can't"]), max_size=12)


def top(text: str, language: str, k: int = 10) -> list[tuple[str, int]]:
    found = keywords.finish(count_words(Text(text).words), language, k)["keywords"]
    return [(keyword["word"], keyword["count"]) for keyword in found]


def packed_size(text: str) -> float:
    """Bytes of the packed counts in JSON, by bytes of the text."""
    packed = pack(count_words(Text(text).words))
    return len(msgspec.json.encode(packed)) / len(text.encode())


def test_by_count_then_by_name() -> None:
    assert top("The dogs and the cats. Cats sleep; dogs bark at cats.", "en", 3) == [
        ("cats", 3),
        ("dogs", 2),
        ("bark", 1),
    ]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Don't you think it’s the best weather?", "en", ["weather"]),
        ("C'est l'hiver à Paris", "fr", ["l'hiver", "paris"]),
        ("Die Katze und der Hund", "de", ["hund", "katze"]),
        ("the weather", "xx", ["the", "weather"]),
        ("the weather", "und", ["the", "weather"]),
        ("3.14 2024 x 7up covid19", "und", ["7up", "covid19"]),
        ("猫と犬", "ja", []),
        ("AI in the UK, by Microsoft", "en", ["ai", "microsoft", "uk"]),
        ("кошка и собака", "ru", ["кошка", "собака"]),
    ],
)
def test_stop_words(text: str, language: str, expected: list[str]) -> None:
    assert sorted(word for word, _ in top(text, language)) == sorted(expected)


def test_words_are_folded() -> None:
    assert count_words(["Straße", "STRASSE", "strasse", "É", "E\u0301"]) == {"strasse": 3, "é": 2}


def test_long_words_are_not_normalized_and_grow_by_no_folding() -> None:
    assert fold("E\u0301" * 40) == "e\u0301" * 40
    assert fold("\u0390" * 70) == "\u0390" * 70
    assert fold("\u0390" * 64) == "\u0390" * 64


def test_k() -> None:
    assert top("a cat", "en", 0) == []
    with pytest.raises(ValueError, match="at least 0; it is -1"):
        keywords.finish({}, "en", -1)


def test_no_folding_makes_a_space() -> None:
    """`pack` joins words with spaces."""
    for code_point in range(sys.maxunicode + 1):
        assert code_point == 0x20 or " " not in normalize("NFC", chr(code_point).casefold())


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
def test_no_text_raises(text: str) -> None:
    counts = count_words(Text(text).words)
    assert sum(counts.values()) == len(Text(text).words)
    assert unpack(pack(counts)) == counts
    assert unpack(msgspec.json.decode(msgspec.json.encode(pack(counts)))) == counts
    assert len(keywords.finish(counts, "en")["keywords"]) <= 10


@settings(max_examples=500, deadline=None)
@given(st.lists(ANY_TEXT, max_size=5))
def test_any_strings_are_counted(words: list[str]) -> None:
    assert sum(count_words(words).values()) == len(words)
    keywords.finish(count_words(words), "fr")


@given(data=st.data(), words=WORDS)
def test_chunks_add_up_in_any_order_and_grouping(data: st.DataObject, words: list[str]) -> None:
    whole = count_words(words)
    parts = data.draw(st.permutations([count_words([word]) for word in words]))
    cut = data.draw(st.integers(0, len(parts)))
    merged = merge([merge(parts[cut:]), {}, merge(parts[:cut])])
    assert merged == whole
    # Packed, equal counts are equal bytes, in whatever order they were gathered.
    assert pack(merged) == pack(whole) == pack(merge(parts))
    assert keywords.finish(merged, "en") == keywords.finish(whole, "en")


def test_partial_results_are_compact() -> None:
    letters = "".join(
        chr(code) for code in range(0x100, 0x2E80) if chr(code).isalpha() and chr(code).islower()
    )
    thai = [
        consonant + mark
        for consonant in map(chr, range(0x0E01, 0x0E2F))
        for mark in "\u0e31\u0e34\u0e48\u0e38"
    ]
    texts = {
        "every word another, of one letter": " ".join(letters),
        "every word another, short": " ".join(f"{number:x}" for number in range(20_000)),
        "every word another count": " ".join(f"{n:x} " * n for n in range(1, 200)),
        "every word twice": " ".join([f"{number:x}" for number in range(10_000)] * 2),
        "every word the same": "a " * 20_000,
        "one word": "a" * 100_000,
        "ideographs": "".join(map(chr, range(0x4E00, 0x9FFF))),
        "ideographs, extended": "".join(map(chr, range(0x20000, 0x2A6D0))),
        "hiragana": "".join(map(chr, range(0x3041, 0x3097))) * 10,
        "Thai": "".join(thai) + "".join(f"{one}{two[1:]}" for one in thai for two in thai),
        "Thai letters": "".join(map(chr, range(0x0E01, 0x0E2F))) * 100,
        "folded to more letters": "\u0390 " * 64 + " ".join("\u0390" * number for number in range(1, 200)),
        "sharp s": " ".join("ß" * number for number in range(1, 200)),
        "ligatures": " ".join("\ufb03" * number for number in range(1, 200)),
    }
    for name, text in texts.items():
        assert packed_size(text) <= 1.2, name


def test_prose_is_packed_to_less(novel: str) -> None:
    chunk = novel[:20_000]
    assert packed_size(chunk) < 0.6
    assert sum(Counter(map(fold, Text(chunk).words)).values()) == len(Text(chunk).words)


def through(words: list[str]) -> object:
    counts = unpack(pack(merge([count_words(words)])))
    return keywords.finish(counts, "en")


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str) -> None:
    small, large = (Text(hostile(name, length)).words for length in (SMALL, LARGE))
    assert_linear(through, small, large)
