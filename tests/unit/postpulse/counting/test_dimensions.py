"""What an analyzed post counts under: each dimension against an independent count."""

import ast
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse import events
from postpulse.counting import dimensions, hyperloglog
from postpulse.counting.dimensions import BY_NAME, DIMENSIONS
from postpulse.events import Place
from stream_processors import analysis
from stream_processors.sink import posts
from stream_processors.sink.counters import CounterChanges

_AT = datetime(2026, 1, 2, 3, 4, 59, tzinfo=UTC)
_MINUTE, _HOUR = "2026-01-02T03:04", "2026-01-02T03:00"
Amounts = dict[str, int]
#: What was new in each version that there are posts of.
_COUNTED = {
    1: {"volume", "language", "author"},
    2: {"author", "authors", "sentiment", "words", "characters", "detected_language"}
    | {"hashtag", "mention", "domain", "emoji", "keyword"},
}


def _document(content: str, author: str | None = None) -> dict[str, Any]:
    at = int(_AT.timestamp() * 1000)
    post = events.Post(post_id="p", content=content, created_at=at, received_at=at, author=author)
    return posts.analyzed(posts.received(post, Place(0, 0), 1), analysis.analyze(content), 1)


def _changes(
    *signed: tuple[dict[str, Any], Literal[1, -1]],
) -> dict[tuple[str, str, str], dict[str, Amounts]]:
    """(dimension, bucket, value) -> operator -> what is written."""
    made = CounterChanges()
    for document, sign in signed:
        made.add(document, sign)
    found: dict[tuple[str, str, str], dict[str, Amounts]] = {}
    for update in made.updates("lane"):
        _, dimension, bucket, value = update._filter["_id"].split("|", 3)
        written = cast(dict[str, Any], update._doc)
        where = found.setdefault((dimension, bucket, value), {})
        where |= {operator: of for operator, of in written.items() if operator != "$setOnInsert"}
    for insert in made.deltas("lane"):
        document = cast(dict[str, Any], insert._doc)
        bucket = f"{document.pop('bucket'):%Y-%m-%dT%H:%M}"
        assert document.pop("lane") == "lane"
        for dimension, rows in document.items():
            if dimension == "authors":
                found[dimension, bucket, ""] = {"$max": rows}
                continue
            for row in rows:
                found[dimension, bucket, row.pop("value")] = {"$inc": row}
    return found


def test_all_that_one_post_counts() -> None:
    document = _document("I love #Cats and #dogs, @bob! https://example.com/x 😀 Cats!", author="ada")
    metrics = document["analysis"]
    register, rank = hyperloglog.place("ada")
    thousandths = round(metrics["sentiment"] * 1000)
    sizes = {"posts": 1, "words": metrics["num_of_words"], "characters": metrics["num_of_characters"]}
    part = f"p{min(int((metrics['sentiment'] + 1) * 10), 19)}"
    one = {"$inc": {"posts": 1}}
    assert _changes((document, 1)) == {
        ("volume", _MINUTE, ""): {"$inc": sizes},
        ("author", _HOUR, "ada"): {"$inc": {**sizes, "rated": 1, "sum": thousandths}},
        ("authors", _HOUR, ""): {"$max": {str(register): rank}},
        ("sentiment", _MINUTE, ""): {"$inc": {"posts": 1, "sum": thousandths, "positive": 1, part: 1}},
        ("words", _MINUTE, ""): {"$inc": {f"b{len(bin(metrics['num_of_words'])) - 2}": 1}},
        ("characters", _MINUTE, ""): {"$inc": {f"b{len(bin(metrics['num_of_characters'])) - 2}": 1}},
        ("detected_language", _MINUTE, "en"): one,
        ("hashtag", _HOUR, "cats"): one,
        ("hashtag", _HOUR, "dogs"): one,
        ("mention", _HOUR, "bob"): one,
        ("domain", _HOUR, "example.com"): one,
        ("emoji", _HOUR, "😀"): one,
    } | {("keyword", _HOUR, each["word"]): one for each in metrics["keywords"]}
    assert metrics["keywords"]
    assert metrics["sentiment_label"] == "positive"


@pytest.mark.parametrize(
    ("sentiment", "part"),
    [(-1.0, "p0"), (-0.95, "p0"), (0.0, "p10"), (0.5, "p15"), (0.99, "p19"), (1.0, "p19")],
)
def test_sentiments_are_counted_in_twenty_parts(sentiment: float, part: str) -> None:
    document = _document("A text.")
    document["analysis"] |= {"sentiment": sentiment, "sentiment_label": "neutral"}
    counted = _changes((document, 1))["sentiment", _MINUTE, ""]["$inc"]
    assert {name for name in counted if name.startswith("p") and name != "posts"} == {part}


@pytest.mark.parametrize(
    ("words", "name"), [(0, "b0"), (1, "b1"), (2, "b2"), (3, "b2"), (4, "b3"), (7, "b3"), (8, "b4")]
)
def test_lengths_are_counted_by_powers_of_two(words: int, name: str) -> None:
    assert _changes((_document("w " * words), 1))["words", _MINUTE, ""] == {"$inc": {name: 1}}


def test_a_post_without_a_sentiment_is_not_rated() -> None:
    counted = _changes((_document("12 34", author="ada"), 1))
    assert not any(dimension == "sentiment" for dimension, _, _ in counted)
    assert set(counted["author", _HOUR, "ada"]["$inc"]) == {"posts", "words", "characters"}


def test_what_is_too_long_for_a_trend_is_left_out() -> None:
    long, longest = "a" * 201, "b" * 200
    found = {
        value
        for dimension, _, value in _changes((_document(f"#{long} #{longest} {long}"), 1))
        if dimension != "volume"
    }
    assert longest in found
    assert long not in found


def test_what_was_counted_by_an_older_version_is_all_that_is_taken_away() -> None:
    now = _document("I love #cats", author="ada")
    old = {name: value for name, value in now.items() if name != "counters_version"}
    assert {dimension for dimension, _, _ in _changes((old, -1))} == {"volume", "author"}
    # Counted anew, it is there in all dimensions, and in those of old no second time.
    again = _changes((old, -1), (now, 1))
    assert {dimension for dimension, _, _ in again} >= {"hashtag", "keyword", "sentiment", "words"}
    assert ("volume", _MINUTE, "") not in again
    assert set(again["author", _HOUR, "ada"]["$inc"]) == {"rated", "sum"}


def test_a_version_that_posts_were_counted_by_stays_as_it_was() -> None:
    for version, names in _COUNTED.items():
        assert {each.name for each in DIMENSIONS if version in each.counts} == names


def test_each_is_there_once_and_adds_up_all_that_it_counts() -> None:
    # A document's _id does not say its granularity, nor by which of two it was counted.
    assert len(BY_NAME) == len(DIMENSIONS)
    trends = [each.trend for each in DIMENSIONS if each.trend is not None]
    assert len(trends) == len(set(trends))
    document = _document("I love #Cats, @bob! https://example.com/x 😀", author="ada") | {"lang": "en"}
    for each in DIMENSIONS:
        counted = {name for counts in each.counts.values() for _, of in counts(document) for name in of}
        assert each.ranks or counted <= set(each.amounts)


def test_examples_are_written_as_they_are_counted() -> None:
    for each in DIMENSIONS:
        assert each.example is None or each.written(each.example) == each.example


def test_what_no_question_is_about_by_name_is_named_in_the_list_alone() -> None:
    """So that to count something more takes no more than an entry there."""
    by_name = {each for each in vars(dimensions).values() if isinstance(each, dimensions.Dimension)}
    names = {name for each in DIMENSIONS if each not in by_name for name in (each.name, each.trend)}
    assert len(names) > 8
    counting = [*Path("stream_processors/sink").glob("*.py"), Path("query_api/queries/counters.py")]
    counting += [*Path("query_api/counters").glob("*.py"), *Path("query_api/routes").glob("counters*.py")]
    counting += [Path("postpulse/counting/rows.py"), *Path("postpulse/generations").glob("*.py")]
    for path in counting:
        if path.stem == "counters_examples":
            continue
        constants = {
            node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
        }
        assert not names & constants, path


_texts = st.lists(
    st.sampled_from(
        ["#cats", "#dogs", "@bob", "love", "hate", "https://example.com/", "😀", "und", "the", "."]
    ),
    max_size=12,
).map(" ".join)
_signed = st.tuples(_texts, st.sampled_from(["ada", "eve", None]), st.sampled_from([1, -1]))


@given(st.lists(_signed, max_size=8))
def test_sums_are_those_of_a_plain_count(signed: list[tuple[str, str | None, Literal[1, -1]]]) -> None:
    documents = [(_document(text, author), sign) for text, author, sign in signed]
    expected: Counter[tuple[str, str, str]] = Counter()
    for document, sign in documents:
        metrics = document["analysis"]
        for dimension, values in (
            ("hashtag", metrics["hashtags"]),
            ("mention", metrics["mentions"]),
            ("domain", metrics["domains"]),
            ("emoji", metrics["emoji"]),
            ("keyword", [each["word"] for each in metrics["keywords"]]),
            ("detected_language", [metrics["language"]]),
        ):
            for value in values:
                expected[dimension, value, "posts"] += sign
        if metrics["sentiment"] is not None:
            expected["sentiment", "", metrics["sentiment_label"]] += sign
            expected["sentiment", "", "sum"] += sign * round(metrics["sentiment"] * 1000)
    found = {
        (dimension, value, name): amount
        for (dimension, _, value), operators in _changes(*documents).items()
        for name, amount in operators.get("$inc", {}).items()
    }
    assert {key: amount for key, amount in expected.items() if amount}.items() <= found.items()
    names = ("hashtag", "mention", "domain", "emoji", "keyword", "detected_language")
    assert all(expected[key] == amount for key, amount in found.items() if key[0] in names)
