"""How counters are read: by the index, no more of them than are asked for, all at one moment, and not for long."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import query_api.queries.counters
from tests.counted import Counted
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.counting import counting
from tests.pipeline import Document, Pipeline
from tests.waiting import until

_HOUR = timedelta(hours=1)
_FIRST = datetime(2026, 5, 1, tzinfo=UTC)
_DAYS = 20
#: The last two days.
_TIMES = {
    "from": (_FIRST + timedelta(days=_DAYS - 2)).isoformat(),
    "until": (_FIRST + timedelta(days=_DAYS)).isoformat(),
}


def many(pipeline: Pipeline) -> None:
    """Counters of twenty days: of all posts by the minute, and of forty hashtags and authors by the hour."""
    found: list[Document] = []

    def add(dimension: str, granularity: str, bucket: datetime, value: str = "") -> None:
        document = {"_id": len(found), "lane": "posts.v1/0", "posts": 1}
        place = {"dimension": dimension, "granularity": granularity, "bucket": bucket, "value": value}
        found.append({**document, **place})

    for hour in range(_DAYS * 24):
        for dimension in ("volume", "sentiment", "words", "characters", "language", "detected_language"):
            for minute in range(0, 60, 12):
                add(dimension, "minute", _FIRST + hour * _HOUR + timedelta(minutes=minute))
        for dimension in ("hashtag", "author"):
            for number in range(40):
                add(dimension, "hour", _FIRST + hour * _HOUR, f"{dimension} {number:02}")
    pipeline.database.counters.insert_many(found)


@contextmanager
def watched(pipeline: Pipeline) -> Iterator[list[Document]]:
    """What MongoDB's profiler says of all reads of the counters within; filled at the end of the block."""
    seen: list[Document] = []
    name = f"{pipeline.database.name}.counters"
    pipeline.database.command("profile", 2)
    try:
        yield seen
    finally:
        pipeline.database.command("profile", 0)
        seen += pipeline.database["system.profile"].find({"ns": name, "command.aggregate": "counters"})
        pipeline.database["system.profile"].drop()


async def test_every_question_reads_by_the_index_and_only_what_it_is_about(
    serve: Serve, pipeline: Pipeline
) -> None:
    many(pipeline)
    two_days = 48
    questions: tuple[tuple[str, dict[str, Any], int, int], ...] = (
        ("timeseries/", {"metrics": "posts,words"}, 1, two_days * 5),
        ("timeseries/", {"metrics": "sentiment,word_percentiles"}, 2, two_days * 5),
        ("timeseries/", {"metrics": "languages"}, 2, two_days * 5),
        ("timeseries/", {"granularity": "day", "timezone": "Europe/Berlin"}, 1, (two_days + 2) * 5),
        ("timeseries/", {"hashtag": "hashtag 07"}, 1, two_days),
        ("timeseries/", {"author": "author 39", "metrics": "posts,sentiment"}, 1, two_days),
        ("timeseries/", {"hashtag": "nobody's"}, 1, 0),
        ("trends/hashtags/", {}, 1, 2 * two_days * 40),
        ("trends/authors/", {"order": "change", "limit": 100}, 1, 2 * two_days * 40),
        ("stats/", {}, 7, two_days * 5),
        ("authors/author%2007/stats/", {}, 1, two_days),
    )
    async with counting(serve, pipeline, []) as api:
        for path, query, reads, documents in questions:
            with watched(pipeline) as seen:
                await api.found(path, **_TIMES, **query)
            assert len(seen) == reads, path
            for read in seen:
                assert read["planSummary"].startswith("IXSCAN { dimension: 1, granularity: 1, bucket: 1"), (
                    path
                )
                assert read["docsExamined"] <= documents, path
                # To a single value it leaps, bucket by bucket.
                assert read["keysExamined"] <= 3 * max(documents, two_days) + 10, path
                assert 0 < read["command"]["maxTimeMS"] <= 10_000
            assert sum(read["docsExamined"] for read in seen) >= documents


async def test_the_numbers_of_an_answer_are_of_one_moment(serve: Serve, pipeline: Pipeline) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    stop = threading.Event()

    def count_on() -> None:
        """One post after the other counts in two dimensions, in one transaction, as workers write."""
        counters = pipeline.database.counters
        ids = [each["_id"] for each in counters.find({"dimension": {"$in": ["volume", "detected_language"]}})]
        while not stop.is_set():
            with pipeline.mongo.start_session() as session, session.start_transaction():
                counters.update_many({"_id": {"$in": ids}}, {"$inc": {"posts": 1}}, session=session)

    async with counting(serve, pipeline, [Counted(now)]) as api:
        # One lane has both.
        pipeline.database.counters.delete_many({"posts": {"$lt": 0}})
        writing = asyncio.create_task(asyncio.to_thread(count_on))
        try:
            seen = set()
            for _ in range(40):
                found = await api.found("stats/", window="1h")
                (language,) = found["detected_languages"]["most"]
                assert found["volume"]["posts"] == language["posts"]
                seen.add(language["posts"])
                series = await api.found(
                    "timeseries/", granularity="minute", metrics="posts,detected_languages"
                )
                for point in series["points"]:
                    assert point["posts"] == sum(point["detected_languages"]["posts"].values())
        finally:
            stop.set()
            await writing
    assert len(seen) > 5


async def test_a_read_that_fails_is_a_problem_and_leaves_none_running(
    serve: Serve, pipeline: Pipeline
) -> None:
    many(pipeline)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    broken = {"_id": "broken", "dimension": "authors", "granularity": "hour", "bucket": hour, "value": ""}
    pipeline.database.counters.insert_one({**broken, "registers": "none"})
    reading = {"ns": f"{pipeline.database.name}.counters", "op": "command", "active": True}
    async with counting(serve, pipeline, []) as api:
        async with api.service.http.get("/api/v1/stats/", params={"window": "30d"}) as answer:
            body = await answer.json(content_type=None)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert body["detail"] == "The database cannot be reached; ask again later."

        def are_over() -> bool:
            stages = [{"$currentOp": {"allUsers": True}}, {"$match": reading}]
            return not list(pipeline.mongo.admin.aggregate(stages))

        await until("all reads to be over", are_over)
        # One good answer more: no connection is left in the midst of one.
        pipeline.database.counters.delete_one({"_id": "broken"})
        assert (await api.found("stats/", window="30d"))["authors"]["distinct"] == 0


async def test_what_takes_too_long_to_count_is_told(
    serve: Serve, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(pipeline)
    times = {"from": _FIRST.isoformat(), "until": (_FIRST + timedelta(days=_DAYS)).isoformat()}
    async with counting(serve, pipeline, []) as api:
        await api.found("trends/hashtags/", **times)
        monkeypatch.setattr(query_api.queries.counters, "_ANSWER_SECONDS", 0.02)
        async with api.service.http.get("/api/v1/trends/hashtags/", params=times) as answer:
            body = await answer.json(content_type=None)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert body["detail"].startswith(
        "There is no answer within 0.02 s: ask for a shorter time, by from and until"
    )
