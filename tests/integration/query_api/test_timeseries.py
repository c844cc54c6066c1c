"""Every point of a series has what the posts of its time come to, in any zone and however it is kept."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from postpulse.settings import CountersSettings
from query_api.queries.counters import LANGUAGES_OF_SERIES, METRICS
from tests.counted import Counted, between, count_of, label, made_up, mean_of
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.counting import Counting, counting, instant
from tests.pipeline import Pipeline

ALL = ",".join(METRICS)
_HOUR = timedelta(hours=1)


def expected(posts: Sequence[Counted], metric: str, most: dict[str, list[str]]) -> Any:
    """What a point of these posts is, counted here."""
    if metric == "posts":
        return len(posts)
    if metric in ("words", "characters"):
        return sum(getattr(post, metric) for post in posts)
    if metric == "sentiment":
        rated = [post.sentiment for post in posts if post.sentiment is not None]
        labels = [label(sentiment) for sentiment in rated]
        return {
            "posts": len(rated),
            "mean": mean_of(rated),
            **{name: labels.count(name) for name in ("positive", "neutral", "negative")},
        }
    if metric in ("languages", "detected_languages"):
        counts = count_of(posts, metric[:-1])
        return {
            "posts": {language: counts[language] for language in most[metric] if counts[language]},
            "others": sum(count for language, count in counts.items() if language not in most[metric]),
        }
    lengths = sorted(getattr(post, f"{metric.split('_')[0]}s") for post in posts)
    if not lengths:
        return {"p50": None, "p90": None, "p99": None}
    values = {f"p{percent}": lengths[-(-len(lengths) * percent // 100) - 1] for percent in (50, 90, 99)}
    return {
        name: {"lower": 2 ** (value.bit_length() - 1) if value else 0, "upper": 2 ** value.bit_length() - 1}
        for name, value in values.items()
    }


def check(found: Any, posts: Sequence[Counted]) -> None:
    """Compare all points with a count of one's own."""
    edges = [instant(point["from"]) for point in found["points"]] + [instant(found["until"])]
    assert edges[0] == instant(found["from"])
    assert all(before < after for before, after in pairwise(edges))
    every = between(posts, edges[0], edges[-1])
    most = {
        name: [
            language
            for language, _ in sorted(
                count_of(every, name[:-1]).items(), key=lambda each: (-each[1], each[0])
            )
        ][:LANGUAGES_OF_SERIES]
        for name in ("languages", "detected_languages")
    }
    for point, (since, until) in zip(found["points"], pairwise(edges), strict=True):
        there = between(posts, since, until)
        assert point.keys() == {"from", *found["metrics"]}
        for metric in found["metrics"]:
            assert point[metric] == expected(there, metric, most), (point["from"], metric)


async def series(api: Counting, since: datetime, until: datetime, **query: Any) -> Any:
    return await api.found("timeseries/", **{"from": since.isoformat(), "until": until.isoformat(), **query})


async def test_points_are_what_their_posts_come_to_whatever_is_folded(
    serve: Serve, pipeline: Pipeline
) -> None:
    now = datetime.now(UTC)
    settings = CountersSettings(minute_days=1, hour_days=3)
    posts = made_up(random.Random(1), 600, now - timedelta(days=9), now)
    posts += made_up(random.Random(2), 200, now - timedelta(hours=2), now)
    async with counting(serve, pipeline, posts, settings) as api:
        days = await series(api, now - timedelta(days=9), now, metrics=ALL, granularity="day")
        assert len(days["points"]) == 10
        check(days, posts)
        weeks = await api.found("timeseries/", granularity="week")
        assert sum(point["posts"] for point in weeks["points"]) == len(posts)
        assert len(weeks["points"]) == 12
        hours = await series(api, now - timedelta(days=2), now, metrics=ALL, timezone="Asia/Tokyo")
        check(hours, posts)
        minutes = await api.found("timeseries/", granularity="minute", metrics=ALL)
        assert len(minutes["points"]) == 60
        check(minutes, posts)
        assert sum(point["posts"] for point in minutes["points"]) > 50
        # In the last day of minutes, zones may have hours of their own.
        check(
            await series(api, now - timedelta(hours=20), now, metrics=ALL, timezone="Asia/Kathmandu"), posts
        )


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 29, tzinfo=UTC), 23), (datetime(2026, 10, 25, tzinfo=UTC), 25)]
)
async def test_days_on_which_berlin_changes_its_clock(
    serve: Serve, pipeline: Pipeline, day: datetime, hours: int
) -> None:
    # One post each quarter of an hour, from the day before to the day after.
    posts = [Counted(day + quarter * timedelta(minutes=15)) for quarter in range(-96, 192)]
    async with counting(serve, pipeline, posts) as api:
        berlin = {"timezone": "Europe/Berlin"}
        found = await series(api, day, day + timedelta(hours=4), granularity="day", **berlin)
        ((point),) = found["points"]
        assert point["posts"] == hours * 4
        assert point["from"] == f"{day:%Y-%m-%d}T00:00:00{'+01:00' if hours == 23 else '+02:00'}"
        assert found["until"].endswith("T00:00:00+02:00" if hours == 23 else "T00:00:00+01:00")
        by_hour = await series(api, instant(found["from"]), instant(found["until"]), **berlin)
        assert [point["posts"] for point in by_hour["points"]] == [4] * hours
        shown = [point["from"][11:16] for point in by_hour["points"]]
        assert shown.count("02:00") == (0 if hours == 23 else 2)
        check(by_hour, posts)


async def test_one_value_of_a_dimension_has_series_of_its_own(serve: Serve, pipeline: Pipeline) -> None:
    since = datetime(2026, 5, 1, tzinfo=UTC)
    posts = made_up(random.Random(3), 400, since, since + timedelta(hours=30))
    posts.append(Counted(since + _HOUR, hashtag=("strasse",), author="Ada/Lovelace", sentiment=0.5))
    async with counting(serve, pipeline, posts) as api:

        async def of(**query: Any) -> Any:
            found = await series(api, since, since + timedelta(hours=30), **query)
            assert len(found["points"]) == 30
            return found

        for dimension, value in (
            ("hashtag", "tag1"),
            ("mention", "name1"),
            ("domain", "site1"),
            ("emoji", "e1"),
            ("keyword", "word1"),
            ("language", "en"),
            ("detected_language", "und"),
            ("author", "author 1"),
        ):
            found = await of(**{dimension: value})
            assert found["of"] == {dimension: value}
            own = [post for post in posts if post.has(dimension, value)]
            assert own
            check(found, own)
        assert sum(point["posts"] for point in (await of(hashtag="#STRAẞE"))["points"]) == 1
        assert sum(point["posts"] for point in (await of(hashtag="unknown"))["points"]) == 0
        author = await of(author="Ada/Lovelace", metrics="posts,words,sentiment")
        assert author["points"][1] == {
            "from": "2026-05-01T01:00:00Z",
            "posts": 1,
            "words": 3,
            "sentiment": {"posts": 1, "mean": 0.5},
        }
        assert author["metrics"] == {
            "posts": {"precision": "exact"},
            "words": {"precision": "exact"},
            "sentiment": {"precision": "exact", "mean_error": 0.0005},
        }
        none = author["points"][2]
        assert (none["posts"], none["sentiment"]) == (0, {"posts": 0, "mean": None})


async def test_what_is_not_kept_so_finely_is_refused_with_what_is(serve: Serve, pipeline: Pipeline) -> None:
    now = datetime.now(UTC)
    settings = CountersSettings(minute_days=1, hour_days=3, day_days=10)

    def ago(**age: float) -> str:
        return (now - timedelta(**age)).isoformat()

    tokyo, kathmandu = "Asia/Tokyo", "Asia/Kathmandu"
    queries: tuple[tuple[dict[str, str], str], ...] = (
        (
            {"granularity": "minute", "from": ago(hours=26), "until": ago(hours=24)},
            "the hour of UTC, and minutes",
        ),
        ({"granularity": "hour", "from": ago(days=4)}, "the day of UTC, and hours do not"),
        (
            {"granularity": "day", "from": ago(days=5), "timezone": tokyo},
            "and days of Asia/Tokyo do not all begin",
        ),
        ({"hashtag": "a", "timezone": kathmandu}, "hashtag are kept by the hour of UTC, and hours of Asia/K"),
        ({"granularity": "day", "from": ago(days=12)}, "are not kept any more; there are some since"),
    )
    async with counting(serve, pipeline, [], settings) as api:
        for query, said in queries:
            body = await api.refused("timeseries/", **query)
            assert said in body["detail"]
            assert body["field"] == "granularity"
            assert [each["granularity"] for each in body["kept"]][-2:] == ["hour", "day"]
        # What is kept of the same times.
        for granularity, since in (("hour", ago(hours=26)), ("day", ago(days=5)), ("day", ago(days=8))):
            found = await api.found("timeseries/", **{"granularity": granularity, "from": since})
            assert found["points"][0]["posts"] == 0
        await api.found("timeseries/", **{"granularity": "day", "from": ago(days=2), "timezone": tokyo})


async def test_how_many_points_were_asked_for_is_told(serve: Serve, pipeline: Pipeline) -> None:
    async with counting(serve, pipeline, []) as api:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        body = await api.refused(
            "timeseries/", **{"from": since.isoformat(), "until": (since + 1501 * _HOUR).isoformat()}
        )
        assert (body["field"], body["asked"], body["allowed"]) == ("granularity", 1501, 1500)
        found = await series(api, since, since + 1500 * _HOUR)
        assert len(found["points"]) == 1500
        assert {point["posts"] for point in found["points"]} == {0}


async def test_counters_are_those_of_the_current_generation(serve: Serve, pipeline: Pipeline) -> None:
    since = datetime(2026, 5, 1, tzinfo=UTC)
    generations = [{"number": 1, "status": "kept"}, {"number": 2, "status": "current"}]
    pipeline.database.generations.insert_one({"_id": "state", "generations": generations})
    async with counting(serve, pipeline, [Counted(since)]) as api:
        assert (await series(api, since, since + _HOUR))["points"][0]["posts"] == 0
        pipeline.database["counters.g2"].insert_many(pipeline.database.counters.find())
        assert (await series(api, since, since + _HOUR))["points"][0]["posts"] == 1
