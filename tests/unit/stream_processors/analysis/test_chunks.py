"""A text in chunks gives what it gives whole: every metric, bit for bit, in any order and grouping."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import Partial, analyze, analyze_chunk, finish, merge, split

LANGUAGES = [
    *("ar", "cs", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it"),
    *("ja", "ko", "nl", "pl", "pt", "ru", "sv", "th", "tr", "uk", "vi", "zh"),
]


def merged_at_random(partials: list[Partial], rng: random.Random) -> Partial:
    """Merged in random order, in random groups, groups of groups included."""
    pool = list(partials)
    while len(pool) > 1:
        rng.shuffle(pool)
        size = rng.randint(2, min(len(pool), 8))
        pool.append(merge(pool.pop() for _ in range(size)))
    return merge(pool)


def assert_chunks_agree(text: str, size: int, whole: dict[str, Any], rng: random.Random) -> int:
    """Cut at legal places only, whatever that makes of the size."""
    chunks = split(text, size, hard_cap=max(size, len(text)))
    assert all(chunk.exact for chunk in chunks)
    partials = [analyze_chunk(chunk.text, chunk.start) for chunk in chunks]
    assert finish(merge(partials)) == whole
    assert merged_at_random(partials, rng) == merge(partials) == analyze_chunk(text)
    return len(chunks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages(language: str, test_data: Path) -> None:
    text = (test_data / "languages" / f"{language}.txt").read_text(encoding="utf-8")
    rng = random.Random(language)
    # With and without the newlines, which alone would make legal cuts.
    for form in (text, text.replace("\n", " ")):
        whole = analyze(form)
        assert_chunks_agree(form, 1, whole, rng)
        for size in (rng.randint(2, 200), rng.randint(200, 1_000), rng.randint(1_000, 20_000)):
            assert_chunks_agree(form, size, whole, rng)
    assert assert_chunks_agree(text, 1, analyze(text), rng) >= 200


def test_prose(test_data: Path) -> None:
    text = (test_data / "prose" / "pride-and-prejudice.txt").read_text(encoding="utf-8")
    whole = analyze(text)
    # Counting by whitespace differs only in what is written with a hyphen.
    assert whole["num_of_words"] == pytest.approx(len(text.replace("--", " ").split()), rel=0.01)
    rng = random.Random(1342)
    for size in (300, 1_000, 16_384, 100_000):
        assert assert_chunks_agree(text, size, whole, rng) >= len(text) // size


def test_long_random_concatenations(test_data: Path) -> None:
    """Sentences of all languages and posts, one after the other, with all kinds of joints."""
    lines = [
        line
        for path in sorted((test_data / "languages").glob("??.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    tweets = (test_data / "tweets" / "tweets_GroundTruth.txt").read_text(encoding="utf-8").splitlines()
    lines += [line.split("\t", 2)[2] for line in tweets]
    rng = random.Random(2026)
    for _ in range(12):
        joints = rng.choices(
            [" ", ". ", "\n", "\r\n", "", "\u202f", "! ", "\u2029", "?", "。 ", " 👍🏽"], k=4
        )
        text = "".join(rng.choice(lines) + rng.choice(joints) for _ in range(300))
        assert_chunks_agree(text, rng.randint(1, 3_000), analyze(text), rng)


#: What rules of segmentation speak of, so that random texts are made of the cases that matter.
PIECES = [
    *"aAzZé1٣ßİﬁ.!?。․,:;-_'’\"()[]…\0\t\n\v\f\r\x1c\x85\u00a0\u00ad\u1680\u2007\u2009\u2028\u2029\u202f\u205f\u3000",
    *"\u0301\u0316\u0345\u200b\u200c\u200d\u2060\ufe0f\u200f\u061c\u0600\u0e01\u0e33\u0eb3\u0915\u094d\u093f\uff9e",
    *"中ひカー각\u1100\u1161\u11a8אב״🇩🇪👩👍🏽🙂\u20e3\U000e0020\ufffd\ud800",
    "\r\n", ". ", "! ", ".\u202f", "? \u0301", "e.g. ", "U.S. ", "3.14", "http://a.b/?c=D", "#tag", "@me",
    "Yes. No", "👩‍👩‍👧", "Ǆ", "Σς", "ΐ", " $TSLA", "https://a.example/?", "q=1", "#️⃣", " :) ", "not good ", "GREAT",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=60).map("".join)


@settings(max_examples=600, deadline=None)
@given(text=texts, size=st.integers(1, 40), rng=st.randoms(use_true_random=False))
def test_any_text(text: str, size: int, rng: random.Random) -> None:
    assert_chunks_agree(text, size, analyze(text), rng)


@settings(max_examples=300, deadline=None)
@given(text=texts, size=st.integers(1, 20))
def test_hard_cuts_raise_nothing_and_keep_every_character(text: str, size: int) -> None:
    chunks = split(text, size)
    result = finish(merge(analyze_chunk(chunk.text, chunk.start) for chunk in chunks))
    assert result["num_of_characters"] == len(text)
    if all(chunk.exact for chunk in chunks):
        assert result == analyze(text)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(texts, min_size=3, max_size=3))
def test_merge_is_a_commutative_monoid(parts: list[str]) -> None:
    a, b, c = map(analyze_chunk, parts)
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([a, b, c]) == merge([c, a, b])
    assert merge([a, b]) == merge([b, a])
    assert merge([a, merge([])]) == a


def test_cuts_by_characters_count_a_word_twice() -> None:
    """Why split cuts where it does: at a fixed number of characters, counts go wrong."""
    text = "Extraordinary weather. Unbelievable!"
    pieces = [text[start : start + 10] for start in range(0, len(text), 10)]
    assert finish(merge(map(analyze_chunk, pieces)))["num_of_words"] > analyze(text)["num_of_words"] == 3
    chunks = split(text, 10, hard_cap=100)
    assert finish(merge(analyze_chunk(chunk.text, chunk.start) for chunk in chunks)) == analyze(text)


@pytest.mark.parametrize("blank", ["", " ", "\n\n", "\u3000"])
def test_blank_chunks_add_only_their_characters(blank: str) -> None:
    text = "One. Two."
    merged = finish(merge([analyze_chunk(text), analyze_chunk(blank)]))
    assert merged == {
        **analyze(text),
        "num_of_characters": len(text) + len(blank),
        "num_of_graphemes": len(text) + len(blank),
    }
