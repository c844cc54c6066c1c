"""What holds of every text."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis.entities import Entity, domain, emoji, extract, hashtags, urls

#: Every character that is whitespace to Python.
SPACES = [chr(point) for point in range(0x110000) if chr(point).isspace()]
#: What the rules speak of, so that random texts are made of the cases that matter.
PIECES = [
    *"aAzZ19é日のشДİſK_-.·,:;!?/#＃@＠$&%*+=~|()[]{}<>'\"“”’…–\\\u200c\u200d\u0301\ufe0e\ufe0f\u20e3\u200f\u2066",
    *"🙂👩❤✌🏽🇩🇪©🏴\U000e0067\U000e007f\ud800\udc00\ufffd\0",
    "http://", "https://", "HTTP://", "://", "www.", ".com", "example.com", "t.co/", "t.co/abc?a=b", "co.uk",
    ".みんな", ".рф", "xn--", "xn--p1ai", "#tag", "@me", "RT@me", "rt", "$AB", "$AB.C", "user@", "a.a.", ":80",
    "👩‍👩‍👧", "1\ufe0f\u20e3", "#\ufe0f\u20e3", "/a(b(c)d)", "/?q=1#f",
]  # fmt: skip
pieces = st.sampled_from(PIECES) | st.text(max_size=2) | st.sampled_from(SPACES)
texts = st.lists(pieces, max_size=30).map("".join)


def shifted(entities: list[Entity], by: int) -> list[Entity]:
    return [Entity(kind, start + by, end + by, value) for kind, start, end, value in entities]


def assert_well_formed(text: str, entities: list[Entity]) -> None:
    end = 0
    for entity in entities:
        assert end <= entity.start < entity.end
        written = text[entity.start : entity.end]
        assert not any(character.isspace() for character in written)
        if entity.kind in ("url", "emoji"):
            assert entity.value == written
        else:
            assert entity.value == written[1:] != ""
        if entity.kind == "url":
            assert "." in domain(entity.value)
        end = entity.end


@settings(max_examples=2_000, deadline=None)
@given(text=texts)
def test_well_formed(text: str) -> None:
    assert_well_formed(text, extract(text))


@settings(max_examples=3_000, deadline=None)
@given(first=texts, space=st.sampled_from(SPACES), second=texts)
def test_chunks_that_end_in_whitespace_add_up(first: str, space: str, second: str) -> None:
    first += space
    assert extract(first + second) == extract(first) + shifted(extract(second), len(first))


@settings(max_examples=1_000, deadline=None)
@given(text=texts)
def test_shortcuts_change_nothing(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urls, "_match_plain", lambda *_: None)
        patch.setattr(hashtags, "_match_plain", lambda *_: None)
        patch.setattr(emoji, "_SINGLE", frozenset())
        slowly = extract(text)
    assert extract(text) == slowly


@settings(max_examples=1_000, deadline=None)
@given(text=st.text(st.characters() | st.integers(0xD800, 0xDFFF).map(chr), max_size=60))
def test_no_text_raises(text: str) -> None:
    assert_well_formed(text, extract(text))


@pytest.mark.parametrize("space", SPACES)
def test_every_kind_of_whitespace_separates(space: str) -> None:
    words = ["@anna", "$TSLA", "#tag", "http://a.com/x", "a.com", "👩‍👩‍👧", "1\ufe0f\u20e3", "t.co/a"]
    for first in words:
        for second in words:
            text = f"{first}{space}{second}"
            assert [text[entity.start : entity.end] for entity in extract(text)] == [first, second]


def test_long_random_concatenations_of_posts(tweets: list[str]) -> None:
    rng = random.Random(2026)
    for _ in range(20):
        parts = [rng.choice(tweets) + rng.choice(SPACES) for _ in range(200)]
        expected: list[Entity] = []
        length = 0
        for part in parts:
            expected += shifted(extract(part), length)
            length += len(part)
        assert extract("".join(parts)) == expected


def test_prose_and_languages(test_data: Path) -> None:
    for path in sorted((test_data / "languages").glob("??.txt")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        assert sum(len(extract(line)) for line in lines) == len(extract(text)) < len(lines) / 10
