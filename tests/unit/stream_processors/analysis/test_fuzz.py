"""No text raises or breaks what every analysis promises: 100,000 texts, the same ones in every run."""

import random
import unicodedata
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from stream_processors.analysis import analyze, analyze_chunk, finish, merge, split
from stream_processors.analysis.text import scrub

BLOCKS: Final = 20
TEXTS_A_BLOCK: Final = 5_000
#: Of so many texts one is long, and one is also analyzed in chunks.
LONG, CHUNKED = 50, 25
OF_THE_SENTIMENT = [f"num_of_{kind}_sentences" for kind in ("positive", "negative", "neutral")]

TWEETS = """a I lol LOL ok good great!! not very kind of but so this least no n't don't isn't it's love HATE 3.14
RT @ada: @ada @user/list @a.b.example #tag #1 ＃tag #a#b $TSLA $5 US$AB &amp; &#39; a@b.example :) :-( <3 ;D
... ?! !!! . , ; ( ) [ ] { } " ' ’ “ ” « » — - _ / \\ | ~ ^ ` + = % * & < > # @ $
Mr. e.g. U.S.A. Straße STRASSE İstanbul ŉ ǰ ΐ ﬁ Ǆ ſ K Ω"""
URLS = """https://a.example/?Q=1 http://t.co/a1 example.com www.example.org/a_(b)_c?d=e#f HTTP://EXAMPLE.COM:80/
https://bücher.example xn--bcher-kva.example https://xn--a.com https://例え.jp/パス http:// https://. a.b.c
https://user:pass@a.com/x main.py end.So example.comです ftp://a.com 127.0.0.1 localhost a..com -a.com
http://ß.com http://a.com/((((( http://a.com/()()( https://\u200d.com http://①.com http://a。com"""
EMOJI = """😂 ❤ ❤\ufe0f ❤\ufe0e 👍🏽 👩\u200d👩\u200d👧\u200d👦 🏴\u200d☠\ufe0f 🇩🇪 🇩 1\ufe0f⃣ 1⃣ #\ufe0f⃣ *⃣ © ©\ufe0f ☺
👁\ufe0f\u200d🗨\ufe0f 🧑🏻\u200d🤝\u200d🧑🏿 🔥 \u200d \ufe0f \ufe0e \u20e3 \U0001f3fd \U0001f1e6 \U000e007f
🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 🏴\U000e0067"""
SPACES = [
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\u00a0",
    "\u2028",
    "\u2029",
    "\u3000",
    "\u202f",
    "\u0085",
    "\x1c",
]
CONTROLS = [
    *map(
        chr, [*range(0x20), 0x7F, 0x85, 0xAD, 0x200B, 0x200C, 0x200E, 0x202E, 0x2060, 0xFEFF, 0xFFFD, 0xFFFE]
    ),
    *("\uffff", "\U0010ffff", "\U0001ffff", "\ue000", "\u0600", "\U000110bd"),
]
MARKS = [
    *map(chr, range(0x300, 0x370, 5)),
    "\u0301\u0316",
    "\u0327",
    "\u0345",
    "\u20dd",
    "\u0e33",
    "\u094d",
    "\u05b0",
]


def blocks_of_characters() -> list[list[str]]:
    """The assigned characters by blocks of 128, so that small scripts come as often as large ones."""
    blocks: dict[int, list[str]] = {}
    for code in (
        *range(0x80, 0x3400),
        *range(0x4DC0, 0x4F00),
        *range(0xA000, 0xAE00),
        *range(0xF900, 0x1FFFF),
    ):
        if unicodedata.category(chr(code)) != "Cn":
            blocks.setdefault(code // 128, []).append(chr(code))
    return list(blocks.values())


SCRIPTS: Final = blocks_of_characters()


def one_of_a_script(maker: random.Random) -> str:
    return "".join(maker.choices(maker.choice(SCRIPTS), k=maker.randint(1, 3)))


def any_character(maker: random.Random) -> str:
    return chr(maker.randrange(0x110000))


def surrogate(maker: random.Random) -> str:
    return chr(maker.randrange(0xD800, 0xE000))


def repeated(maker: random.Random) -> str:
    return piece(maker) * maker.randint(2, 5)


def listed(pieces: list[str]) -> Callable[[random.Random], str]:
    return lambda maker: maker.choice(pieces)


#: What texts are made of, with how often.
KINDS: Final[list[tuple[Callable[[random.Random], str], int]]] = [
    (listed(TWEETS.split()), 30),
    (listed(SPACES), 14),
    (listed(URLS.split()), 8),
    (listed(EMOJI.split()), 10),
    (listed(CONTROLS), 5),
    (listed(MARKS), 5),
    (one_of_a_script, 18),
    (any_character, 3),
    (surrogate, 3),
    (repeated, 2),
]
MAKERS, WEIGHTS = [kind for kind, _ in KINDS], [weight for _, weight in KINDS]


def piece(maker: random.Random) -> str:
    return maker.choices(MAKERS, WEIGHTS)[0](maker)


def mutated(text: str, maker: random.Random) -> str:
    """The text with a part of it left out, doubled, turned around or changed in case."""
    start = maker.randint(0, len(text))
    end = maker.randint(start, min(start + 6, len(text)))
    part = text[start:end]
    other = maker.choice(("", part + part, part[::-1], part.swapcase(), part.casefold(), piece(maker)))
    return text[:start] + other + text[end:]


def text_of(maker: random.Random, number: int) -> str:
    """A text of a few pieces, most of them short, with or without spaces between."""
    pieces = [
        piece(maker) for _ in range(maker.randint(6, 40) if number % LONG == 0 else maker.randint(1, 3))
    ]
    text = maker.choice(("", " ")).join(pieces)
    return mutated(text, maker) if maker.random() < 0.6 else text


def check(text: str, result: dict[str, Any]) -> None:
    """What is promised of the analysis of any text."""
    assert msgspec.json.decode(msgspec.json.encode(result)) == result  # also: neither NaN nor infinity
    for name, value in result.items():
        if name.startswith("num_of_"):
            assert (
                value >= 0 if value is not None else name in OF_THE_SENTIMENT and result["sentiment_missing"]
            )
    assert result["num_of_characters"] == len(text)
    assert (len(text) > 0) <= result["num_of_graphemes"] <= len(text)
    assert (
        result["num_of_unique_words"]
        <= result["num_of_words"]
        <= result["num_of_characters_in_words"]
        <= len(text)
    )
    # A URL is a sentence without words, and the mention of `_` a word without a sentence.
    assert result["num_of_words"] <= result["num_of_mentions"] or result["num_of_sentences"] > 0
    check_sentiment(result)
    check_entities(scrub(text), result)


def check_sentiment(result: dict[str, Any]) -> None:
    sentiment = result["sentiment"]
    assert (
        (sentiment is None)
        == (result["sentiment_missing"] is not None)
        == (result["sentiment_label"] is None)
        == (result["sentiment_words"] is None)
    )
    if sentiment is not None:
        assert -1 <= sentiment <= 1
        shares = [result[f"sentiment_{kind}"] for kind in ("positive", "negative", "neutral")]
        assert all(0 <= share <= 1 for share in shares)
        assert len(result["sentiment_words"]) <= 10
        assert all(each["word"] and each["valence"] for each in result["sentiment_words"])
    assert (result["language"] == "und") == (result["language_confidence"] is None)


def check_entities(text: str, result: dict[str, Any]) -> None:
    kinds = ("hashtags", "mentions", "cashtags", "urls", "emoji")
    assert len(result["entities"]) == min(100, sum(result[f"num_of_{kind}"] for kind in kinds))
    end = 0
    for entity in result["entities"]:
        assert end <= entity["start"] < entity["end"] <= len(text)
        end = entity["end"]
        written = text[entity["start"] : end]
        sign = entity["kind"] in ("hashtag", "mention", "cashtag")
        assert written[sign:][:100] == entity["value"]
        assert not any(character.isspace() for character in written)


def check_chunks(text: str, whole: dict[str, Any]) -> None:
    """Chunks join to the text; where all of them are exact, so is their analysis."""
    chunks = split(text, 6)
    assert "".join(chunk.text for chunk in chunks) == text
    merged = finish(merge(analyze_chunk(chunk.text, chunk.start) for chunk in reversed(chunks)))
    if all(chunk.exact for chunk in chunks):
        assert merged == whole
    else:
        assert merged["num_of_characters"] == len(text)


@pytest.mark.parametrize("seed", range(BLOCKS))
def test_no_text_raises_or_breaks_a_promise(seed: int) -> None:
    maker = random.Random(seed)
    for number in range(TEXTS_A_BLOCK):
        text = text_of(maker, number)
        try:
            result = analyze(text)
            check(text, result)
            if number % CHUNKED == 0:
                check_chunks(text, result)
        except Exception as error:
            error.add_note(f"seed {seed}, text {number}: {text!a}")
            raise
