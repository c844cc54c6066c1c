"""Trends are the first values of a window as one would count them, compared with the window before."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postpulse.settings import CountersSettings
from query_api.routes.counters_parameters import TRENDS
from tests.counted import Counted, between, count_of, made_up
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.counting import counting, instant
from tests.pipeline import Pipeline

_HOUR = timedelta(hours=1)
_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
_AN_HOUR = {"from": _NOON.isoformat(), "until": (_NOON + _HOUR).isoformat()}


def expected(posts: Sequence[Counted], found: Any, dimension: str, limit: int) -> list[dict[str, Any]]:
    """The trends of an answer, counted here."""
    window = count_of(between(posts, instant(found["from"]), instant(found["until"])), dimension)
    span = found["before"]
    before = count_of(between(posts, instant(span["from"]), instant(span["until"])), dimension)

    def key(value: str) -> tuple[int, int, str]:
        if found["order"] == "count":
            return -window[value], 0, value
        return before[value] - window[value], -window[value], value

    return [
        {
            "value": value,
            "posts": window[value],
            "posts_before": before[value],
            "difference": window[value] - before[value],
            "ratio": pytest.approx(window[value] / before[value], abs=1e-6) if before[value] else None,
            "rank": 1 + sum(count > window[value] for count in window.values()),
            "rank_before": 1 + sum(count > before[value] for count in before.values())
            if before[value]
            else None,
        }
        for value in sorted(window, key=key)[:limit]
    ]


async def test_they_are_what_a_count_finds_of_every_kind_and_in_both_orders(
    serve: Serve, pipeline: Pipeline
) -> None:
    posts = made_up(random.Random(4), 700, _NOON - 12 * _HOUR, _NOON)
    times = {"from": (_NOON - 6 * _HOUR).isoformat(), "until": _NOON.isoformat()}
    async with counting(serve, pipeline, posts) as api:
        for kind, dimension in TRENDS.items():
            for order in ("count", "change"):
                found = await api.found(f"trends/{kind}/", **times, order=order)
                assert (found["kind"], found["order"], found["precision"]) == (kind, order, "exact")
                assert found["seconds_to_come"] == 0
                assert found["trends"] == expected(posts, found, dimension.name, 10)
                assert found["trends"]
        few = await api.found("trends/keywords/", **times, limit=3)
        assert few["trends"] == expected(posts, few, "keyword", 3)
        every = await api.found("trends/keywords/", **times, limit=100)
        assert every["trends"] == expected(posts, every, "keyword", 100)


async def test_equals_are_in_the_order_of_their_values_and_share_a_rank(
    serve: Serve, pipeline: Pipeline
) -> None:
    names = ["b", "é", "a", "10", "9"]
    posts = [Counted(_NOON, hashtag=(name,)) for name in names]
    posts += [Counted(_NOON, hashtag=("z",))] * 2
    async with counting(serve, pipeline, posts) as api:
        found = await api.found("trends/hashtags/", **_AN_HOUR)
    assert [(each["value"], each["rank"]) for each in found["trends"]] == [
        ("z", 1),
        *((name, 2) for name in sorted(names)),
    ]


async def test_a_window_has_the_hour_under_way_and_all_hours_that_it_touches(
    serve: Serve, pipeline: Pipeline
) -> None:
    now = datetime.now(UTC)
    posts = [Counted(now, hashtag=("new",))]
    posts += [Counted(now - age * _HOUR, hashtag=("old",)) for age in range(200)]
    async with counting(serve, pipeline, posts) as api:
        for window, hours in (("1h", 2), ("6h", 7), ("24h", 25), ("7d", 169)):
            found = await api.found("trends/hashtags/", window=window)
            since, until = instant(found["from"]), instant(found["until"])
            assert until - since == hours * _HOUR
            assert until > now >= until - _HOUR - timedelta(minutes=1)
            assert (since.minute, until.minute) == (0, 0)
            assert 0 < found["seconds_to_come"] <= 3600
            assert instant(found["before"]["until"]) == since
            assert instant(found["before"]["from"]) == since - hours * _HOUR
            assert found["trends"] == expected(posts, found, "hashtag", 10)
        assert (await api.found("trends/hashtags/"))["from"] == (
            await api.found("trends/hashtags/", window="24h")
        )["from"]


async def test_what_is_gone_by_now_and_what_was_taken_back_is_no_trend(
    serve: Serve, pipeline: Pipeline
) -> None:
    posts = [Counted(_NOON - _HOUR, hashtag=("gone",)), Counted(_NOON, hashtag=("deleted", "there"))]
    async with counting(serve, pipeline, posts) as api:
        written = list(pipeline.database.counters.find({"value": "deleted"}))
        assert sum(each["posts"] for each in written) == 1
        another = {"_id": "another", "lane": "posts.v1/9", "posts": -1}
        pipeline.database.counters.insert_one({**written[0], **another})
        found = await api.found("trends/hashtags/", **_AN_HOUR)
    assert [each["value"] for each in found["trends"]] == ["there"]
    assert found["trends"][0]["rank"] == 1


async def test_where_days_are_kept_windows_are_whole_days(serve: Serve, pipeline: Pipeline) -> None:
    now = datetime.now(UTC)
    settings = CountersSettings(minute_days=1, hour_days=3, day_days=30)
    posts = made_up(random.Random(5), 500, now - timedelta(days=20), now)
    async with counting(serve, pipeline, posts, settings) as api:
        found = await api.found("trends/hashtags/", window="7d")
        assert found["trends"] == expected(posts, found, "hashtag", 10)
        for time in (found["from"], found["until"], found["before"]["from"]):
            assert time.endswith("T00:00:00.000Z")
        body = await api.refused("trends/hashtags/", window="30d")
        assert body["field"] == "from"
        assert "are not kept any more; there are some since" in body["detail"]


async def test_other_kinds_are_not_found_and_the_answer_says_which_are(
    serve: Serve, pipeline: Pipeline
) -> None:
    async with counting(serve, pipeline, []) as api:
        status, body = await api.get("trends/colours/")
        assert (status, body["detail"]) == (
            404,
            f"There are trends of {', '.join(TRENDS)}; not of this.",
        )
        assert (await api.refused("trends/hashtags/", limit=101))["field"] == "limit"
