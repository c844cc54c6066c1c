"""Emoji: whole sequences, and nothing that is text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis.entities import extract
from stream_processors.analysis.entities.emoji import _BLOCKS


def found(text: str) -> list[str]:
    return [entity.value for entity in extract(text) if entity.kind == "emoji"]


def sequences(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        points = line.partition(";")[0].strip()
        if not points or line.startswith("#"):
            continue
        if ".." in points:
            first, last = points.split("..")
            yield from map(chr, range(int(first, 16), int(last, 16) + 1))
        else:
            yield "".join(chr(int(point, 16)) for point in points.split())


def test_every_emoji_of_unicode_16(test_data: Path) -> None:
    folder = test_data / "unicode-16"
    every = [
        *sequences(folder / "emoji-sequences-16.0.txt"),
        *sequences(folder / "emoji-zwj-sequences-16.0.txt"),
    ]
    assert len(every) > 3_700
    for emoji in every:
        assert found(emoji) == [emoji]
        assert found(f"a{emoji}b") == [emoji]
        assert found(f"#tag {emoji}{emoji}.") == [emoji, emoji]
    assert found("".join(every)) == every


@pytest.mark.parametrize(
    "text",
    [
        *"0#*a©®™↔☺❤✌✔‼〰㊗ℹ🅰🅿",
        "123 #1 *", "❤\ufe0e", "⌚\ufe0e", "🙂\ufe0e",
        "🇩", "🇩 🇪", "\u200d", "\ufe0f", "\u20e3", "a\ufe0f", "a\u20e3", "©\u200d®", "\U000e0067\U000e007f",
        "中文", "e\u0301", "½", "→", "\ud83d\ude00",
    ],
)  # fmt: skip
def test_no_emoji(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "emoji"),
    [
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("🇩🇪🇫", ["🇩🇪"]),
        ("1\u20e3 12\ufe0f\u20e3", ["1\u20e3", "2\ufe0f\u20e3"]),
        ("🙂\u200d", ["🙂"]),
        ("🙂\u200d a", ["🙂"]),
        ("🙂\u200da", ["🙂"]),
        ("👁\u200d🗨", ["👁\u200d🗨"]),
        ("👩\u200d⚕", ["👩\u200d⚕"]),
        ("✌🏿", ["✌🏿"]),
        ("✌🏿\ufe0f", ["✌🏿\ufe0f"]),
        ("🏿", ["🏿"]),
        ("🏴\U000e0067\U000e0062", ["🏴"]),
        ("🙂🙂🏽👍🏽", ["🙂", "🙂", "🏽", "👍🏽"]),
        ("©\ufe0f©", ["©\ufe0f"]),
        ("\ufe0f1\ufe0f\u20e3", ["1\ufe0f\u20e3"]),
    ],
)
def test_sequences(text: str, emoji: list[str]) -> None:
    assert found(text) == emoji


def test_no_emoji_outside_of_the_blocks_that_are_looked_at() -> None:
    every = "".join(chr(point) for point in range(0x80, 0x110000) if not 0xD800 <= point < 0xE000)
    assert set(regex.findall(r"\p{Emoji}", every)) <= set(_BLOCKS)
    assert set(regex.findall(r"\p{Emoji_Presentation}", every)) <= set(
        regex.findall(r"[\u231a-\u2b55\U0001f000-\U0001faff]", every)
    )


@settings(max_examples=500, deadline=None)
@given(
    text=st.lists(st.sampled_from("🙂👩❤✌🏽🇩🇪1#*a©⚕🏴\u200d\ufe0f\ufe0e\u20e3\U000e0067\U000e007f ")).map(
        "".join
    )
)
def test_emoji_is_what_has_the_properties(text: str) -> None:
    """The fast way finds what one pattern with Unicode's own properties finds."""
    picturable = r"[\p{Extended_Pictographic}&&[\u231A-\u2B55\U0001F000-\U0001FAFF]]"
    plain = regex.compile(
        rf"""
        \p{{RI}}{{2}} | [0-9\#*]\uFE0F?\u20E3 |
        (?: \p{{EBase}}\uFE0F?\p{{EMod}}\uFE0F? | \p{{Emoji}}\uFE0F
          | [\p{{Emoji_Presentation}}--\p{{RI}}](?!\uFE0E) | {picturable}(?=\u200D{picturable}) )
        (?:[\U000E0020-\U000E007E]+\U000E007F)?
        (?:\u200D (?:{picturable}|\p{{Emoji}}(?=\uFE0F)) \uFE0F? (?:\p{{EMod}}\uFE0F?)?)*
        """,
        regex.VERSION1 | regex.VERBOSE,
    )
    assert found(text) == [match[0] for match in plain.finditer(text)]
