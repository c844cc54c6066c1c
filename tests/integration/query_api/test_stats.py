"""Totals of a time and of an author are what a count of the posts comes to, each with how exact it is."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

import query_api.queries.counters
from postpulse.counting.hyperloglog import ERROR, REGISTERS, estimate, place
from postpulse.settings import CountersSettings
from stream_processors.sink.counters import CounterChanges
from tests.counted import Counted, between, count_of, label, made_up, mean_of, sentiment_sums
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.counting import counting, instant
from tests.pipeline import Pipeline

_HOUR = timedelta(hours=1)
_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_EXACT_MEAN = {"precision": "exact", "mean_error": 0.0005}


def volume(posts: Sequence[Counted]) -> dict[str, Any]:
    words, characters = [post.words for post in posts], [post.characters for post in posts]
    return {
        "posts": len(posts),
        "words": sum(words),
        "characters": sum(characters),
        "words_per_post": mean_of(words),
        "characters_per_post": mean_of(characters),
        "precision": "exact",
    }


def mean(posts: Sequence[Counted]) -> dict[str, Any]:
    rated = [post.sentiment for post in posts if post.sentiment is not None]
    return {"posts": len(rated), "mean": mean_of(rated)}


def languages(posts: Sequence[Counted], dimension: str) -> dict[str, Any]:
    counts = count_of(posts, dimension)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return {
        "most": [{"language": language, "posts": count} for language, count in ordered],
        "others": {"languages": 0, "posts": 0},
        "precision": "exact",
    }


def check(found: Any, posts: Sequence[Counted]) -> None:
    there = between(posts, instant(found["from"]), instant(found["until"]))
    assert found["volume"] == volume(there)
    rated = [post.sentiment for post in there if post.sentiment is not None]
    labels, sums = [label(sentiment) for sentiment in rated], sentiment_sums(rated)
    histogram = found["sentiment"].pop("histogram")
    assert [part["posts"] for part in histogram] == [sums[f"p{n}"] for n in range(20)]
    assert found["sentiment"] == {
        **mean(there),
        "labels": {
            name: {
                "posts": labels.count(name),
                "share": pytest.approx(labels.count(name) / len(rated), abs=1e-6),
            }
            for name in ("positive", "neutral", "negative")
        },
        **_EXACT_MEAN,
    }
    for name, lengths in (
        ("word_percentiles", sorted(post.words for post in there)),
        ("character_percentiles", sorted(post.characters for post in there)),
    ):
        assert found[name]["precision"] == "bounds"
        for percent in (50, 90, 99):
            bounds = found[name][f"p{percent}"]
            assert bounds["lower"] <= lengths[-(-len(lengths) * percent // 100) - 1] <= bounds["upper"]
    assert found["languages"] == languages(there, "language")
    assert found["detected_languages"] == languages(there, "detected_language")
    authors = found["authors"]
    distinct = len(count_of(between(posts, instant(authors["from"]), instant(authors["until"])), "author"))
    assert (authors["precision"], authors["error"], authors["missing"]) == ("estimated", ERROR, None)
    assert authors["distinct"] == pytest.approx(distinct, abs=1)
    assert instant(authors["from"]) <= instant(found["from"])
    assert instant(authors["until"]) >= instant(found["until"])


async def test_the_totals_of_a_time_whatever_is_folded(serve: Serve, pipeline: Pipeline) -> None:
    now = datetime.now(UTC)
    posts = made_up(random.Random(6), 600, now - timedelta(days=12), now)
    posts += made_up(random.Random(7), 100, now - 2 * _HOUR, now)
    settings = CountersSettings(minute_days=1, hour_days=3)
    async with counting(serve, pipeline, posts, settings) as api:
        for window, least in (("1h", 1), ("6h", 6), ("24h", 24), ("7d", 168), ("30d", 720)):
            found = await api.found("stats/", window=window)
            length = instant(found["until"]) - instant(found["from"])
            # Rounded to what is kept of its beginning.
            assert least * _HOUR <= length <= least * _HOUR + timedelta(days=1, minutes=2)
            if least <= 6:
                assert length <= least * _HOUR + timedelta(minutes=1)
            check(found, posts)
        assert (await api.found("stats/"))["volume"]["posts"] < len(posts)
        check(await api.found("stats/", **{"from": (now - timedelta(days=365)).isoformat()}), posts)


async def test_a_time_without_posts_has_zeros_and_nulls(serve: Serve, pipeline: Pipeline) -> None:
    async with counting(serve, pipeline, []) as api:
        found = await api.found("stats/")
    assert (found["volume"]["posts"], found["volume"]["words_per_post"]) == (0, None)
    assert (found["sentiment"]["mean"], found["word_percentiles"]["p50"]) == (None, None)
    assert found["languages"]["most"] == []
    assert found["authors"]["distinct"] == 0


async def test_languages_beyond_the_first_hundred_are_told_together(serve: Serve, pipeline: Pipeline) -> None:
    posts = [Counted(_NOON, language=f"x-{number:03}") for number in range(130)]
    posts += [Counted(_NOON, language="en")] * 2
    times = {"from": _NOON.isoformat(), "until": (_NOON + _HOUR).isoformat()}
    async with counting(serve, pipeline, posts) as api:
        found = (await api.found("stats/", **times))["languages"]
        assert found["most"][0] == {"language": "en", "posts": 2}
        assert len(found["most"]) == 100
        assert found["others"] == {"languages": 31, "posts": 31}
        (point,) = (await api.found("timeseries/", **times, metrics="languages"))["points"]
        assert len(point["languages"]["posts"]) == 20
        assert point["languages"]["others"] == 111


async def test_the_distinct_authors_of_lanes_and_hours_are_those_of_all(
    serve: Serve, pipeline: Pipeline
) -> None:
    posts = [
        Counted(_NOON + hour * _HOUR, author=f"author {number}")
        for hour in range(3)
        for number in range(hour * 500, hour * 500 + 2000)
    ]
    times = {"from": _NOON.isoformat(), "until": (_NOON + 3 * _HOUR).isoformat()}
    async with counting(serve, pipeline, posts) as api:
        found = await api.found("stats/", **times)
        registers: dict[str, int] = {}
        for post in posts:
            index, rank = place(post.author or "")
            registers[str(index)] = max(rank, registers.get(str(index), 0))
        assert found["authors"]["distinct"] == estimate(registers) == pytest.approx(3000, rel=3 * ERROR)
        assert found["volume"]["posts"] == 6000


async def test_too_many_registers_to_read_in_time_cost_only_that_number(
    serve: Serve, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = {str(index): 9 for index in range(REGISTERS)}
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    pipeline.database.counters.insert_many(
        {
            "_id": number,
            "dimension": "authors",
            "granularity": "hour",
            "bucket": now - number % 20 * _HOUR,
            "value": "",
            "lane": f"posts.v1/{number}",
            "registers": full,
        }
        for number in range(100)
    )
    monkeypatch.setattr(query_api.queries.counters, "_DISTINCT_SECONDS", 0.1)
    async with counting(serve, pipeline, [Counted(datetime.now(UTC) - timedelta(minutes=1))]) as api:
        found = await api.found("stats/")
    assert found["authors"]["distinct"] is None
    assert found["authors"]["missing"] == "counting them takes longer than 0.1 s; a shorter time takes less"
    assert found["volume"]["posts"] == 1


async def test_the_totals_of_an_author(serve: Serve, pipeline: Pipeline) -> None:
    now = datetime.now(UTC)
    posts = made_up(random.Random(8), 600, now - timedelta(days=12), now)
    settings = CountersSettings(minute_days=1, hour_days=5)
    async with counting(serve, pipeline, posts, settings) as api:
        for author in ("author 1", "author 2"):
            for window, unit in (("24h", "hour"), ("7d", "day"), ("30d", "day")):
                found = await api.found(f"authors/{author}/stats/", window=window)
                width = _HOUR if unit == "hour" else timedelta(days=1)
                assert (found["author"], found["granularity"]) == (author, unit)
                since, until = instant(found["from"]), instant(found["until"])
                own = between([post for post in posts if post.author == author], since, until)
                assert found["volume"] == volume(own)
                assert found["sentiment"] == {**mean(own), **_EXACT_MEAN}
                assert instant(found["points"][0]["from"]) == since
                assert instant(found["points"][-1]["from"]) + width == until
                for point in found["points"]:
                    begins = instant(point["from"])
                    assert point["posts"] == len(between(own, begins, begins + width))
                for name, time in (("first_active", min), ("last_active", max)):
                    if own:
                        active = time(post.at for post in own)
                        assert instant(found[name]["from"]) <= active < instant(found[name]["until"])
                        assert instant(found[name]["until"]) - instant(found[name]["from"]) == width
                    else:
                        assert found[name] is None
            assert own


async def test_what_the_sink_counts_is_what_is_answered(serve: Serve, pipeline: Pipeline) -> None:
    async with counting(serve, pipeline, []) as api:
        changes = CounterChanges()
        for text, author in (("Great #fun three.", "ada"), ("Four #fun.", "ada"), ("Six.", "bob")):
            post = api.service.store_received(text, chunks=1, author=author, lang="en")
            changes.add(api.service.store_analyzed(post))
        pipeline.database.counters.bulk_write(list(changes.updates("posts.v1/0")))
        # In lists, as a batch leaves them, which are not folded yet.
        pipeline.database.counter_deltas.bulk_write(list(changes.deltas("posts.v1/0")))
        found = await api.found("stats/", window="1h")
        assert (found["volume"]["posts"], found["volume"]["words"], found["volume"]["characters"]) == (
            3,
            6,
            31,
        )
        assert found["languages"]["most"] == [{"language": "en", "posts": 3}]
        ada = await api.found("authors/ada/stats/", window="1h")
        assert (ada["volume"]["posts"], ada["volume"]["words"]) == (2, 5)
        assert ada["sentiment"]["mean"] > 0
        assert found["authors"]["distinct"] == 2
        hashtags = await api.found("trends/hashtags/", window="1h")
        assert [(each["value"], each["posts"]) for each in hashtags["trends"]] == [("fun", 2)]
        points = await api.found("timeseries/", granularity="hour", hashtag="fun", metrics="posts")
        assert sum(point["posts"] for point in points["points"]) == 2
        trends = await api.found("trends/authors/", window="1h")
        assert [(each["value"], each["posts"]) for each in trends["trends"]] == [("ada", 2), ("bob", 1)]


async def test_an_author_by_any_name_and_one_whom_nobody_knows(serve: Serve, pipeline: Pipeline) -> None:
    names = ["ada", "Ada", "a/b", "a%2Fb", "…日本 é", "?#&", "$posts", "stats"]
    posts = [Counted(_NOON, author=name) for name in names for _ in range(names.index(name) + 1)]
    times = {"from": _NOON.isoformat(), "until": (_NOON + 2 * _HOUR).isoformat()}
    async with counting(serve, pipeline, posts) as api:
        for number, name in enumerate(names, 1):
            found = await api.found(f"authors/{quote(name, safe='')}/stats/", **times)
            assert (found["author"], found["volume"]["posts"]) == (name, number)
            assert [point["posts"] for point in found["points"]] == [number, 0]
        nobody = await api.found("authors/nobody/stats/", **times)
        assert (nobody["volume"]["posts"], nobody["first_active"]) == (0, None)
        assert [point["posts"] for point in nobody["points"]] == [0, 0]


async def test_long_times_have_points_by_the_day_and_longer_ones_are_refused(
    serve: Serve, pipeline: Pipeline
) -> None:
    async with counting(serve, pipeline, [Counted(_NOON, author="ada")]) as api:

        async def of(hours: int) -> Any:
            until = _NOON.replace(hour=0) + timedelta(days=30)
            times = {"from": (until - hours * _HOUR).isoformat(), "until": until.isoformat()}
            return await api.found("authors/ada/stats/", **times)

        short, long = await of(1500), await of(1501)
        assert (short["granularity"], len(short["points"])) == ("hour", 1500)
        assert (long["granularity"], len(long["points"])) == ("day", 63)
        assert short["volume"]["posts"] == long["volume"]["posts"] == 1
        for path in ("stats/", "authors/ada/stats/"):
            body = await api.refused(
                path, **{"from": "2024-01-01T00:00:00Z", "until": "2025-01-02T00:00:00Z"}
            )
            assert (body["field"], body["allowed"]) == ("from", 366)
