"""One sentence: VADER's scores, all of them, as integers, and the words that made them."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
    normalize,
)

from stream_processors.analysis.sentiment import MAX_CHARACTERS, MAX_TOKENS, SentenceScore, explain, score
from stream_processors.analysis.text import sentence_segments

STOCK = SentimentIntensityAnalyzer()

#: The words that VADER's rules name, and some that they do not.
RULED = sorted(
    {word for phrase in chain(SPECIAL_CASES, BOOSTER_DICT) for word in phrase.split()}
    | {
        *NEGATE,
        "no",
        "or",
        "nor",
        "least",
        "at",
        "so",
        "this",
        "doubt",
        "but",
        "kind",
        "of",
        "mustn't've",
        "the",
        "x",
    }
)
MARKS = [
    "!",
    "!!",
    "?",
    "??",
    "...",
    "'",
    "😍",
    "❤",
    "😂😂",
    "🆙",
    "ok😁ok",
    ":)",
    ":-(",
    "\ud800",
    "İ",
    "\u0301",
]
FEELINGS = [
    "good",
    "great",
    "bad",
    "sad",
    "love",
    "hate",
    "shit",
    "bomb",
    "ass",
    "die",
    "right",
    "death",
    "kind",
    "no",
]

words = st.one_of(
    st.sampled_from(RULED),
    st.sampled_from(FEELINGS),
    st.sampled_from(sorted(STOCK.lexicon)),
    st.sampled_from(MARKS),
)
written = st.tuples(
    words, st.sampled_from([str, str, str, str.upper, str.title, "({})".format, "{},".format])
).map(lambda pair: pair[1](pair[0]))


def stock(sentence: str) -> tuple[int, int, int, int]:
    scores = STOCK.polarity_scores(sentence)
    shares = (round(scores[name] * 1_000) for name in ("pos", "neg", "neu"))
    return (round(scores["compound"] * 10_000), *shares)  # type: ignore[return-value]


def differing(sentences: Sequence[str]) -> list[str]:
    return [sentence for sentence in sentences if score(sentence)[:4] != stock(sentence)]


def test_scores_of_tweets_are_the_packages(tweets: list[str]) -> None:
    assert len(tweets) == 4_200
    assert differing(tweets) == []


def test_scores_of_sentences_are_the_packages(test_data: Path) -> None:
    sentences = (test_data / "languages" / "en.txt").read_text(encoding="utf-8").splitlines()
    assert len(sentences) == 200
    assert differing(sentences) == []


def test_scores_of_prose_are_the_packages(novel: str) -> None:
    sentences = sentence_segments(novel)[::5]
    assert len(sentences) > 3_000
    assert differing(sentences) == []


def test_scores_are_the_packages_for_each_word_of_the_rules_at_each_distance() -> None:
    assert (
        differing(
            [
                " ".join([*["x"] * 4, word, *["x"] * distance, feeling, "x"])
                for word in RULED
                for distance in range(5)
                for feeling in ("good", "bad", "SAD")
            ]
        )
        == []
    )


def test_scores_are_the_packages_for_each_phrase_of_the_rules() -> None:
    phrases = [
        *SPECIAL_CASES,
        *(word for word in BOOSTER_DICT if " " in word),
        "kind of",
        "never so",
        "without doubt",
    ]
    assert (
        differing(
            [
                f"{before} {phrase} {after}"
                for phrase in phrases
                for before in ("", "x", "x x", "x x x", "x x x good", "x x not", "very x x")
                for after in ("", "x", "good", "x good x", "x x bad")
            ]
        )
        == []
    )


@settings(max_examples=1_500, deadline=None)
@given(st.lists(written, max_size=14).map(" ".join))
def test_scores_are_the_packages_where_rules_meet(sentence: str) -> None:
    assert score(sentence)[:4] == stock(sentence)


@settings(max_examples=1_000, deadline=None)
@given(st.text(st.characters(exclude_characters="\ufe0f\u200d"), max_size=80))
def test_scores_are_the_packages_for_any_text(sentence: str) -> None:
    assert score(sentence)[:4] == stock(sentence)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["good", "great", "but", "bad", "x", "fine", "awful"]), min_size=60, max_size=120
    )
)
def test_a_contrast_among_equal_valences_is_the_packages(sentence: list[str]) -> None:
    assert score(" ".join(sentence))[:4] == stock(" ".join(sentence))


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters() | st.integers(0xD800, 0xDFFF).map(chr), max_size=60))
def test_no_text_raises(sentence: str) -> None:
    compound, *shares, valence, tokens = score(sentence)
    assert -10_000 <= compound <= 10_000
    assert sum(shares) == 0 or 999 <= sum(shares) <= 1_001
    assert compound * valence >= 0
    assert 0 <= tokens <= MAX_TOKENS
    explain(sentence)


def test_a_sentence() -> None:
    # Of five tokens two count, and each weighs one more than its valence in the shares, a neutral one one.
    good, fun = STOCK.lexicon["good"], STOCK.lexicon["fun"]
    assert score("It was good and fun.") == SentenceScore(
        compound=round(10_000 * (good + fun) / ((good + fun) ** 2 + 15) ** 0.5),
        positive=round(1_000 * (good + fun + 2) / (good + fun + 5)),
        negative=0,
        neutral=round(1_000 * 3 / (good + fun + 5)),
        valence=round(10_000 * (good + fun)),
        tokens=5,
    )


@pytest.mark.parametrize("blank", ["", " ", "\n\r\n", "\t\u3000\u2028"])
def test_a_blank_has_no_score(blank: str) -> None:
    assert score(blank) == (0, 0, 0, 0, 0, 0)
    assert explain(blank) == []


@pytest.mark.parametrize("sentence", ["...", "!!!", "— …", "🫥", "🫠🫠", "\u0301", "\ud800"])
def test_without_letters_and_known_emoji_there_is_nothing_to_score(sentence: str) -> None:
    assert score(sentence).tokens == 0
    assert score(sentence).compound == 0


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [("ok", 1), ("12", 1), (":)", 1), ("😂", 5), ("👍", 2), ("no end", 2), ("... a", 2)],
)
def test_what_counts_as_scored(sentence: str, tokens: int) -> None:
    assert score(sentence).tokens == tokens


@pytest.mark.parametrize("emoji", ["❤\ufe0f", "❤\ufe0f\u200d🔥", "👩\u200d❤\ufe0f\u200d👨"])
def test_an_emoji_is_found_however_it_is_put_together(emoji: str) -> None:
    parts = " ".join(emoji.replace("\ufe0f", "").split("\u200d"))
    assert score(f"so {emoji} it") == score(f"so {parts} it")
    assert score(emoji)[:4] == stock(parts)
    assert score(emoji).compound != 0
    assert stock(emoji)[0] != stock(parts)[0]  # when the package does find it, the correction can go


def test_only_the_first_tokens_of_a_sentence_are_scored() -> None:
    within = "x " * (MAX_TOKENS - 1) + "good"
    assert score(within)[:4] == stock(within)
    assert score(within).tokens == MAX_TOKENS
    assert score(within + "\n") == score(within)
    assert score(within + " bad !!!") == score(within)
    assert score("😂" * MAX_TOKENS).tokens == MAX_TOKENS


def test_only_the_first_characters_of_a_sentence_are_looked_at() -> None:
    assert score("good " + "x" * MAX_CHARACTERS + " bad!").compound == score("good x").compound


def test_explain_names_the_words_with_their_valences_after_the_rules() -> None:
    assert explain("The train leaves at nine.") == []
    assert explain("good") == [("good", 1.9)]
    assert explain("It is not GOOD 😂, but really great!!?") == [
        ("GOOD", -0.9742),
        ("😂 tears", -0.45),
        ("😂 joy", 1.4),
        ("great", 5.0895),
        ("!!?", 0.584),
    ]
    assert explain("sad!") == [("sad", -2.1), ("!", -0.292)]
    assert explain("fun?!?") == [("fun", 2.3), ("?!?", 0.652)]


@settings(max_examples=300, deadline=None)
@given(st.lists(written, max_size=14).map(" ".join))
def test_explained_valences_add_up_to_the_score(sentence: str) -> None:
    total = sum(valence for _, valence in explain(sentence))
    assert normalize(total) * 10_000 == pytest.approx(score(sentence).compound, abs=2)
    assert total * 10_000 == pytest.approx(score(sentence).valence, abs=20)
