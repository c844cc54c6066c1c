"""Each metric, by hand-counted examples."""

from typing import Any

import pytest

from stream_processors.analysis import analyze, explain

BLANK = ["", " ", "\n", "\r\n\r\n", "\t \u00a0\u3000\u2028", "\u200b\ufeff"]
WORDLESS = ["!", "...", "?!", "\0", "\u0301", "\u200f", "— …", "\ud800"]


#: Values that say nothing of a text without words, entities and sentiment.
NOTHING = {
    "type_token_ratio": None,
    "keywords": [],
    "avg_sentence_len": None,
    "flesch_reading_ease": None,
    "language": "und",
    "language_confidence": None,
    **dict.fromkeys(
        (
            "sentiment",
            "sentiment_label",
            "sentiment_positive",
            "sentiment_negative",
            "sentiment_neutral",
            "num_of_positive_sentences",
            "num_of_negative_sentences",
            "num_of_neutral_sentences",
            "sentiment_words",
        )
    ),
    "sentiment_missing": "there is nothing to score",
    **{f"num_of_{kind}": 0 for kind in ("hashtags", "mentions", "cashtags", "urls", "emoji")},
    **{kind: [] for kind in ("hashtags", "mentions", "cashtags", "domains", "emoji", "entities")},
}


def values(text: str, *names: str) -> tuple[Any, ...]:
    result = analyze(text)
    return tuple(result[name] for name in names)


def test_a_post() -> None:
    result = analyze("The cat can't see the CAT, it's 3.14 m away! Is it?")
    assert 0.9 < result.pop("language_confidence") <= 1
    assert result == {
        "num_of_words": 12,
        "num_of_characters_in_words": 37,
        "avg_word_len": 37 / 12,
        "longest_word": "can't",
        "longest_word_len": 5,
        "num_of_unique_words": 10,
        "type_token_ratio": 10 / 12,
        "keywords": [{"word": "cat", "count": 2}],
        "num_of_characters": 51,
        "num_of_graphemes": 51,
        "num_of_sentences": 2,
        "avg_sentence_len": 6.0,
        "flesch_reading_ease": pytest.approx(206.835 - 1.015 * 6 - 84.6 * 13 / 12),
        "language": "en",
        "sentiment": 0.0,
        "sentiment_label": "neutral",
        "sentiment_positive": 0.0,
        "sentiment_negative": 0.0,
        "sentiment_neutral": 1.0,
        "num_of_positive_sentences": 0,
        "num_of_negative_sentences": 0,
        "num_of_neutral_sentences": 2,
        "sentiment_words": [],
        "sentiment_missing": None,
        **{f"num_of_{kind}": 0 for kind in ("hashtags", "mentions", "cashtags", "urls", "emoji")},
        **{kind: [] for kind in ("hashtags", "mentions", "cashtags", "domains", "emoji", "entities")},
    }


def test_a_mark_behind_an_entity_makes_no_word_of_its_blanks() -> None:
    result = analyze("#tag \U000112e7")
    assert result["num_of_words"] == 2
    assert result["num_of_characters_in_words"] == len("tag") + len(" \U000112e7")


def test_entities_are_taken_out_before_words_are_counted() -> None:
    text = "I love #python_3 and @ada, see https://www.Example.com/?a=B&c=d (or $TSLA) 👩‍👩‍👧‍👦"
    result = analyze(text)
    # The signs are no part of a word, and a URL is none.
    assert result["num_of_words"] == len(["I", "love", "python_3", "and", "ada", "see", "or", "TSLA"])
    assert result["num_of_sentences"] == 1
    assert (result["hashtags"], result["mentions"], result["cashtags"]) == (["python_3"], ["ada"], ["tsla"])
    assert (result["domains"], result["emoji"]) == (["example.com"], ["👩‍👩‍👧‍👦"])
    assert [text[found["start"] : found["end"]] for found in result["entities"]] == [
        "#python_3",
        "@ada",
        "https://www.Example.com/?a=B&c=d",
        "$TSLA",
        "👩‍👩‍👧‍👦",
    ]
    assert [found["kind"] for found in result["entities"]] == [
        "hashtag",
        "mention",
        "url",
        "cashtag",
        "emoji",
    ]


def test_lists_are_by_frequency_then_name_and_bounded() -> None:
    assert values("#b #A #a #c", "hashtags", "num_of_hashtags") == (["a", "b", "c"], 4)
    many = " ".join(f"#tag{number:04}" for number in range(300))
    result = analyze(many)
    assert result["num_of_hashtags"] == 300
    assert result["hashtags"] == [f"tag{number:04}" for number in range(100)]
    assert len(result["entities"]) == 100


@pytest.mark.parametrize(
    ("text", "language", "sign"),
    [
        ("I love this so much, what a wonderful day!", "en", 1),
        ("This is terrible, I hate everything about it.", "en", -1),
        ("😍😍", "und", 1),
        ("great!", "und", 1),
        ("Das ist schrecklich, ich hasse alles daran.", "de", None),
        ("1 2 3", "und", None),
        ("hm", "und", None),
    ],
)
def test_sentiment_is_told_of_english_only_and_never_made_up(
    text: str, language: str, sign: int | None
) -> None:
    result = analyze(text)
    assert result["language"] == language
    if sign is None:
        assert result["sentiment"] is None
        assert result["sentiment_label"] is None
        assert result["sentiment_words"] is None
        assert result["sentiment_missing"]
    else:
        assert result["sentiment"] * sign > 0.05
        assert result["sentiment_label"] == ("positive" if sign > 0 else "negative")
        assert result["sentiment_missing"] is None


def test_reading_ease_is_told_of_english_only() -> None:
    assert values("The cat sat on the mat.", "flesch_reading_ease")[0] == pytest.approx(206.835 - 6.09 - 84.6)
    assert values("Die Katze saß auf der Matte.", "flesch_reading_ease") == (None,)


def test_explain_names_the_words_that_made_the_sentiment() -> None:
    first, second = explain("I LOVE this. But the end was not good, so sad :(")
    assert first["sentence"] == "I LOVE this. "
    assert [word["word"] for word in first["words"]] == ["LOVE"]
    assert {word["word"]: word["valence"] < 0 for word in second["words"]}.items() >= {
        "good": True,
        ":(": True,
    }.items()
    assert first["sentiment"] > 0 > second["sentiment"]
    assert explain("   ") == []


@pytest.mark.parametrize("text", BLANK + WORDLESS)
def test_without_words_there_are_no_averages(text: str) -> None:
    result = analyze(text)
    assert result.pop("num_of_characters") == len(text)
    assert result.pop("num_of_graphemes") <= len(text)
    assert result == NOTHING | {
        "num_of_words": 0,
        "num_of_characters_in_words": 0,
        "avg_word_len": None,
        "longest_word": None,
        "longest_word_len": 0,
        "num_of_unique_words": 0,
        "num_of_sentences": 0,
    }


@pytest.mark.parametrize("text", ["a", "ab", "abc", "7", "é", "ß", "中", "я"])
def test_the_shortest_posts(text: str) -> None:
    expected = (1, float(len(text)), 1, 1, len(text))
    assert expected == values(
        text, "num_of_words", "avg_word_len", "num_of_unique_words", "num_of_sentences", "longest_word_len"
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("one two  three", 3),
        ("well-known", 2),
        ("don't don’t", 2),
        ("1,234.56 and 7", 3),
        ("snake_case", 1),
        ("e.g. U.S.A.", 2),
        ("Ⓐ", 1),
        ("שלום עולם", 2),
        ("Привет, мир", 2),
        ("中文字", 3),  # one for each ideograph
        ("カタカナ", 1),
        ("ひらがな", 4),
        ("안녕하세요 세계", 2),
        ("สวัสดี", 4),  # one for each letter with its marks: UAX #29 has no dictionary
    ],
)
def test_num_of_words(text: str, count: int) -> None:
    assert values(text, "num_of_words") == (count,)


def test_avg_word_len_is_the_exact_ratio_in_code_points() -> None:
    assert values("a bb bbb bb", "avg_word_len", "num_of_characters_in_words") == (2.0, 8)
    assert values("a bb bb", "avg_word_len") == (5 / 3,)
    assert values("e\u0301t", "avg_word_len") == (3.0,)
    assert values("𝒳𝒴", "avg_word_len") == (2.0,)  # two code points, four UTF-16 units, eight bytes


def test_of_the_longest_words_the_last_in_code_point_order() -> None:
    assert values("pear plum kiwi fig", "longest_word", "longest_word_len") == ("plum", 4)


def test_a_longest_word_is_cut_short_but_not_its_length() -> None:
    assert values("a " + "x" * 1000, "longest_word", "longest_word_len") == ("x" * 64, 1000)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The the THE", 1),
        ("Straße STRASSE strasse", 1),
        ("ΣΊΣΥΦΟΣ Σίσυφος σίσυφοσ", 1),
        ("caf\u00e9 cafe\u0301 CAFE\u0301", 1),  # two spellings that look the same
        ("cafe caf\u00e9", 2),
        ("İ i", 2),
        ("中中中", 1),
        ("e" + "\u0301\u0316" * 100 + " e" + "\u0301\u0316" * 100, 1),
    ],
)
def test_num_of_unique_words(text: str, count: int) -> None:
    assert values(text, "num_of_unique_words") == (count,)


@pytest.mark.parametrize(
    ("text", "characters", "graphemes"),
    [
        ("plain", 5, 5),
        ("a\r\nb\n\r\r\n", 8, 6),
        ("\u00e9 e\u0301", 4, 3),
        ("👍🏽", 2, 1),
        ("👩‍👩‍👧‍👦", 7, 1),
        ("🇩🇪🇫🇷", 4, 2),
        ("🙂🙂", 2, 2),
        ("각 \u1100\u1161\u11a8", 5, 3),
        ("क्षि", 4, 1),
        ("e" + "\u0301" * 10_000, 10_001, 1),
    ],
)
def test_characters_and_graphemes(text: str, characters: int, graphemes: int) -> None:
    assert values(text, "num_of_characters", "num_of_graphemes") == (characters, graphemes)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("no end", 1),
        ("It cost 3.50 in the U.S. and more at example.com.", 1),
        ("Mr. Smith came.", 2),  # UAX #29 knows no abbreviations
        ("line one\nline two\r\n\r\nline four", 3),
        ("Wait... what?!", 1),
        ("!!! ... ??? Yes.", 1),
        ("你好。你好吗？", 2),
        ("क्या? हाँ।", 2),
    ],
)
def test_num_of_sentences(text: str, count: int) -> None:
    assert values(text, "num_of_sentences") == (count,)


def test_lone_surrogates_count_as_replacement_characters() -> None:
    assert analyze("a\ud800b \udc00\ud83d.") == analyze("a\ufffdb \ufffd\ufffd.")
    assert values("a\ud800b", "num_of_words", "num_of_characters") == (2, 3)
