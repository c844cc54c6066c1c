"""A text's sentiment: what it is worth, and that it does not depend on how its sentences were dealt out."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processors.analysis import split
from stream_processors.analysis.sentiment import VALUES, finish, merge, partial, score
from stream_processors.analysis.text import scrub, sentence_segments

SENTENCES = [
    "Great!",
    "I love it. ",
    "This is not good.",
    "Sad",
    "The train leaves at nine.",
    "...",
    "😂",
    "",
]
NOTHING = dict.fromkeys(VALUES)


def values(text: str) -> dict[str, object]:
    return finish(partial(sentence_segments(scrub(text))))


def sentiment(text: str) -> float:
    value = values(text)["sentiment"]
    assert isinstance(value, float)
    return value


def correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Pearson's r."""
    mean_left, mean_right = sum(left) / len(left), sum(right) / len(right)
    both = sum((a - mean_left) * (b - mean_right) for a, b in zip(left, right, strict=True))
    return float(
        both / (sum((a - mean_left) ** 2 for a in left) * sum((b - mean_right) ** 2 for b in right)) ** 0.5
    )


def test_agreement_with_human_ratings(test_data: Path) -> None:
    lines = (test_data / "tweets" / "tweets_GroundTruth.txt").read_text("utf-8", "replace").splitlines()
    rows = [line.split("\t", 2) for line in lines]
    ratings = [float(row[1]) for row in rows]
    agreement = correlation([sentiment(row[2]) for row in rows], ratings)
    assert agreement >= 0.878
    # Better than the package's score of the whole tweet.
    assert agreement > correlation([score(row[2]).compound for row in rows], ratings) >= 0.872


def test_a_text_of_typical_length_has_the_compound_score_of_the_package() -> None:
    text = "We had a good day at the sea, and then we went back home."
    assert score(text).tokens == 14
    assert round(sentiment(text), 4) * 10_000 == pytest.approx(score(text).compound, abs=0.5)


def test_partial_result_of_hand_counted_sentences() -> None:
    good = score("Good day.")
    assert good.tokens == 2
    assert partial(["Good day.", "...", "Bad.", "Nine."]) == [
        [
            good.valence + score("Bad.").valence,
            4,
            2 * good.positive,
            1_000,
            2 * good.neutral + 1_000,
            3,
            1,
            1,
            1,
        ],
        [["bad", -25_000], ["good", 19_000]],
    ]


def test_values_of_hand_counted_sentences() -> None:
    result = finish([[20_000, 4, 1_600, 1_000, 1_400, 3, 1, 1, 1], [["good", 19_000]]])
    density = 2 * 34 / 24
    assert result == {
        "sentiment": density / (density * density + 15) ** 0.5,
        "sentiment_label": "positive",
        "sentiment_positive": 0.4,
        "sentiment_negative": 0.25,
        "sentiment_neutral": 0.35,
        "num_of_positive_sentences": 1,
        "num_of_negative_sentences": 1,
        "num_of_neutral_sentences": 1,
        "sentiment_words": [{"word": "good", "valence": 1.9}],
    }
    assert list(result) == list(VALUES)


@pytest.mark.parametrize("text", ["", " ", "...", "!!!\n\n???", "🫥", "\ud800", "— …"])
def test_without_a_scored_sentence_there_are_no_values(text: str) -> None:
    assert values(text) == NOTHING


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love it!", "positive"),
        ("😍", "positive"),
        ("😂😂😂", "positive"),
        (":)", "positive"),
        ("Good. Bad. Awful.", "negative"),
        ("😭", "negative"),
        ("It is not good.", "negative"),
        ("The train leaves at nine.", "neutral"),
        ("12345", "neutral"),
        ("👍", "neutral"),  # its description, thumbs up, has no word of the lexicon
    ],
)
def test_labels(text: str, label: str) -> None:
    assert values(text)["sentiment_label"] == label


def test_it_does_not_grow_with_the_length_of_the_text(novel: str) -> None:
    chapters = novel.split("\n\nChapter ")[1:]
    assert len(chapters) > 50
    assert all(0 < sentiment(chapter) < 0.8 for chapter in chapters)
    assert min(map(sentiment, chapters)) < sentiment(novel) < max(map(sentiment, chapters))


def test_what_has_nothing_to_score_changes_nothing() -> None:
    assert partial(["Good!", "...", "", "🫥", "\n"]) == partial(["Good!"])


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_chunks_merge_to_the_whole(novel: str, size: int) -> None:
    text = novel[:200_000]
    chunks = split(text, size)
    assert all(chunk.exact for chunk in chunks)
    parts = [partial(sentence_segments(chunk.text)) for chunk in chunks]
    assert merge(parts) == merge(reversed(parts)) == partial(sentence_segments(text))


def test_merging_nothing_is_the_empty_text() -> None:
    assert merge([]) == partial([]) == partial([""]) == [[0] * 9, []]
    assert finish(merge([])) == NOTHING


@settings(max_examples=200, deadline=None)
@given(
    sentences=st.lists(st.sampled_from(SENTENCES) | st.text(max_size=20), max_size=12),
    data=st.data(),
)
def test_order_and_grouping_change_nothing(sentences: list[str], data: st.DataObject) -> None:
    whole = partial(sentences)
    groups = [partial([sentence]) for sentence in data.draw(st.permutations(sentences), label="order")]
    while len(groups) > 1:
        cut = data.draw(st.integers(2, len(groups)), label="grouped")
        groups = data.draw(st.permutations([merge(groups[:cut]), *groups[cut:]]))
    assert merge(groups) == whole
    sums, words = whole
    assert all(type(number) is int for number in [*sums, *(valence for _, valence in words)])
    result = finish(whole)
    assert result == finish(merge(groups))
    if result["sentiment"] is not None:
        assert -1 <= result["sentiment"] <= 1
        counted = sum(value for name, value in result.items() if name.startswith("num_of_"))
        assert counted == sums[5] > 0
