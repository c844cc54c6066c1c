"""Counter changes: exact sums by bucket, dimension and value, and nothing for what cancels out."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Literal, cast

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.sink.counters import CounterChanges

LANE = "posts.v1/2"
Sign = Literal[1, -1]


def post(
    words: int = 3,
    characters: int = 11,
    at: datetime = datetime(2026, 1, 2, 3, 4, 59, tzinfo=UTC),
    **more: Any,
) -> dict[str, Any]:
    analysis = {"num_of_words": words, "num_of_characters": characters, "avg_word_len": 2.5}
    return {"state": "analyzed", "created_at": at, "analysis": analysis} | more


def changes(*posts: tuple[dict[str, Any] | None, Sign]) -> dict[str, tuple[dict[str, int], dict[str, Any]]]:
    """_id -> what is added, and what a new document gets besides."""
    made = CounterChanges()
    for document, sign in posts:
        made.add(document, sign)
    found = {}
    for update in made.updates(LANE):
        assert update._upsert
        assert update._filter["_id"] not in found
        written = cast(dict[str, Any], update._doc)
        assert set(written) == {"$inc", "$setOnInsert"}
        found[update._filter["_id"]] = (written["$inc"], written["$setOnInsert"])
    for insert in made.deltas(LANE):
        document = cast(dict[str, Any], insert._doc)
        lane, bucket = document.pop("lane"), document.pop("bucket")
        for dimension, rows in document.items():
            for row in rows:
                value = row.pop("value")
                hour = {"dimension": dimension, "granularity": "hour", "bucket": bucket}
                key = f"{lane}|{dimension}|{bucket:%Y-%m-%dT%H:%M}|{value}"
                found[key] = row, hour | {"value": value, "lane": lane}
    return found


def test_one_post_is_counted_by_minute_and_by_hour() -> None:
    minute, hour = datetime(2026, 1, 2, 3, 4, tzinfo=UTC), datetime(2026, 1, 2, 3, tzinfo=UTC)
    sums = {"posts": 1, "words": 3, "characters": 11}
    assert changes((post(lang="en", author="a|b"), 1)) == {
        f"{LANE}|volume|2026-01-02T03:04|": (
            sums,
            {"dimension": "volume", "granularity": "minute", "bucket": minute, "value": "", "lane": LANE},
        ),
        f"{LANE}|language|2026-01-02T03:04|en": (
            {"posts": 1},
            {"dimension": "language", "granularity": "minute", "bucket": minute, "value": "en", "lane": LANE},
        ),
        f"{LANE}|author|2026-01-02T03:00|a|b": (
            sums,
            {"dimension": "author", "granularity": "hour", "bucket": hour, "value": "a|b", "lane": LANE},
        ),
    }


def test_what_the_author_left_out_is_no_value_and_an_empty_name_is_one() -> None:
    assert {key.split("|")[1] for key in changes((post(), 1))} == {"volume"}
    assert f"{LANE}|author|2026-01-02T03:00|" in changes((post(author=""), 1))


def test_only_analyzed_posts_count() -> None:
    for state in ("analyzing", "deleted", "dead"):
        assert changes((post() | {"state": state}, 1)) == {}
    assert changes((None, 1), (None, -1)) == {}


def test_an_edit_moves_the_counters_by_the_difference() -> None:
    (change,) = changes((post(words=5, characters=20), -1), (post(words=3, characters=20), 1)).values()
    assert change[0] == {"words": -2}


def test_a_delete_takes_out_what_was_added() -> None:
    (change,) = changes((post(), -1), ({"state": "deleted"}, 1)).values()
    assert change[0] == {"posts": -1, "words": -3, "characters": -11}


def test_the_same_again_writes_nothing() -> None:
    assert changes((post(author="ada", lang="en"), -1), (post(author="ada", lang="en"), 1)) == {}


_posts = st.builds(
    post,
    words=st.integers(0, 5),
    characters=st.integers(0, 5),
    at=st.sampled_from(
        [datetime(2026, 1, 1, hour, minute, 7, tzinfo=UTC) for hour in (0, 1) for minute in (0, 9)]
    ),
    author=st.sampled_from([None, "ada", "bob"]),
    lang=st.sampled_from([None, "de", "en"]),
)


@given(st.lists(st.tuples(_posts, st.sampled_from([1, -1]))))
def test_sums_are_those_of_a_plain_count(posts: list[tuple[dict[str, Any], Sign]]) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for document, sign in posts:
        minute = f"{document['created_at']:%Y-%m-%dT%H:%M}"
        amounts = {
            "posts": sign,
            "words": sign * document["analysis"]["num_of_words"],
            "characters": sign * document["analysis"]["num_of_characters"],
        }
        for name, amount in amounts.items():
            expected[f"{LANE}|volume|{minute}|", name] += amount
            if document["author"] is not None:
                expected[f"{LANE}|author|{minute[:-2]}00|{document['author']}", name] += amount
        if document["lang"] is not None:
            expected[f"{LANE}|language|{minute}|{document['lang']}", "posts"] += sign
    found = {(key, name): n for key, (sums, _) in changes(*posts).items() for name, n in sums.items()}
    assert found == {key: amount for key, amount in expected.items() if amount}


def test_lists_too_long_for_one_document_are_cut() -> None:
    made = CounterChanges()
    for n in range(12_000):
        made.add(post(author=f"author {n % 11_000}"))
        made.add(post(author="of another hour", at=datetime(2026, 1, 2, 4, tzinfo=UTC)))
    documents = [cast(dict[str, Any], insert._doc) for insert in made.deltas(LANE)]
    lengths = sorted(len(document["author"]) for document in documents)
    assert lengths == [1, 1_000, 5_000, 5_000]
    authors = Counter({row["value"]: row["posts"] for document in documents for row in document["author"]})
    assert authors["of another hour"] == 12_000
    assert authors["author 0"] == 2
    assert authors.total() == 24_000
