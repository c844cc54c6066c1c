"""The words that made a text's sentiment: which, in which order, what each is worth, and how they merge."""

import json
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from stream_processors.analysis import analyze, analyze_chunk, finish, merge, split
from stream_processors.analysis.sentiment import explain, partial, rules
from stream_processors.analysis.sentiment.charged import LISTED
from stream_processors.analysis.text import Text

LEXICON = SentimentIntensityAnalyzer().lexicon
#: What it knows and texts may have: a word without whitespace in it, found in small letters.
KNOWN = sorted(word for word in LEXICON if not any(map(str.isspace, word)) and word == word.lower())

PIECES = [
    *("good", "GOOD", "great", "bad", "sad", "Love", "love,", "hate", "not", "never", "very", "kind of"),
    *("😂", "🥰", "❤\ufe0f", "👍🏽", "ok😁ok", ":)", ":D", "<3", "the", "x", "é", "“sad”", "#love", "\ud800"),
    *("but", "no", "!", "?!", ". ", ".\n", "! ", "\n", "\r\n", "? "),
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=30).map(" ".join)


def words(text: str) -> list[tuple[str, float]]:
    return [(each["word"], each["valence"]) for each in analyze(text)["sentiment_words"]]


def explained(sentences: Iterable[str]) -> dict[str, int]:
    """The sums of what `explain` says, in ten-thousandths, without the emphasis of marks."""
    sums: Counter[str] = Counter()
    for sentence in sentences:
        for word, valence in explain(sentence):
            if not set(word) <= {"!", "?"}:
                sums[word.lower()] += round(valence * 10_000)
    return {word: valence for word, valence in sums.items() if valence}


def test_words_are_summed_up_after_the_rules_and_ranked_by_weight() -> None:
    assert words("I LOVE it, love it! It was sad. The end is not good at all.") == [
        ("love", 7.133),
        ("sad", -2.1),
        ("good", -1.406),
    ]
    assert words("It was bitter. So bitter. How nice it is, and how nice it was.") == [
        ("bitter", -3.893),
        ("nice", 3.6),
    ]
    equal = sorted(word for word in KNOWN if LEXICON[word] == 2.0 and word.isalpha())[:3]
    assert words(f"The cat said {' then '.join(reversed(equal))} to me.") == [(word, 2.0) for word in equal]


def test_emoji_come_with_the_word_of_their_description() -> None:
    assert words("😂 Nice 😂") == [("😂 joy", 5.6), ("nice", 1.8), ("😂 tears", -1.8)]
    assert words("😊 it is") == [("😊 smiling", 4.0)]
    assert words("good 😂ful") == [("😂 joyful", 2.9), ("good", 1.9), ("😂 tears", -0.9)]
    assert words("❤\ufe0f\u200d🔥") == [("❤ heart", 3.2), ("🔥 fire", -1.4)]


def test_what_cancels_out_is_left_out() -> None:
    assert LEXICON["love"] == 3.2
    partials = [[["bad", -25_000], ["love", 32_000]], [["love", -32_000]]]
    merged = merge([{**analyze_chunk(""), "sentiment": [[0] * 9, each]} for each in partials])
    assert merged["sentiment"][1] == [["bad", -25_000]]


def test_the_list_is_empty_where_nothing_is_known_and_null_where_there_is_no_sentiment() -> None:
    assert analyze("The train leaves at nine in the morning.")["sentiment_words"] == []
    assert analyze("Das ist ein guter Tag, super!")["sentiment_words"] is None
    assert analyze("...")["sentiment_words"] is None


def test_the_list_and_the_partial_result_are_bounded() -> None:
    text = "".join(f"The {word} thing. " for word in KNOWN)
    assert len(words(text)) == LISTED
    once, thrice = (len(json.dumps(analyze_chunk(text * times)["sentiment"])) for times in (1, 3))
    assert once < 30 * len(LEXICON)
    assert thrice < 1.1 * once


@settings(max_examples=500, deadline=None)
@given(texts)
def test_they_are_what_is_explained(text: str) -> None:
    segments = Text(text).segments
    assert dict(map(tuple, partial(segments)[1])) == explained(segments)


@settings(max_examples=300, deadline=None)
@given(text=texts, size=st.integers(1, 30), data=st.data())
def test_chunks_merge_to_the_whole_in_any_order_and_grouping(
    text: str, size: int, data: st.DataObject
) -> None:
    chunks = split(text, size, hard_cap=max(size, len(text)))
    assert all(chunk.exact for chunk in chunks)
    parts = data.draw(st.permutations([analyze_chunk(chunk.text, chunk.start) for chunk in chunks]))
    while len(parts) > 1:
        cut = data.draw(st.integers(2, len(parts)))
        parts = data.draw(st.permutations([merge(parts[:cut]), *parts[cut:]]))
    assert parts[0]["sentiment"] == analyze_chunk(text)["sentiment"]
    assert finish(parts[0])["sentiment_words"] == analyze(text)["sentiment_words"]


def test_a_sentence_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = rules._tokens
    texts: list[str] = []
    monkeypatch.setattr(rules, "_tokens", lambda text: texts.append(text) or read(text))
    partial(["good", "“good” 😂", "the end"])
    assert len(texts) == 3
