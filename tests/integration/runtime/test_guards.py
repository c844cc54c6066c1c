"""The guards in a real MongoDB: marks, deaths and hand-overs between workers."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from postpulse.collections import GUARDS, Document
from postpulse.embedded.ports import choose_port
from postpulse.mongo.client import connect
from postpulse.settings import MongoSettings
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.guards import WATCHED_BATCHES, Guards
from stream_processors.sink.checkpoints import CheckpointMovedError
from tests.unit.stream_processors.records import record

Database = AsyncDatabase[Document]


def guards(database: Database) -> Guards:
    """Of one more worker."""
    return Guards(database[GUARDS.name], max_kills=2)


def batch(start: int, stop: int, first: bool = False) -> RecordBatch:
    made = RecordBatch("posts", 0, [record(offset) for offset in range(start, stop)], lambda _: None)
    made.first = first
    return made


async def found(database: Database) -> dict[str, Any]:
    (guard,) = [one async for one in database[GUARDS.name].find()]
    return guard


async def die(worker: Guards, part: RecordBatch) -> None:
    """In the middle of a part, for good: nothing that follows is run."""
    await worker.mark("ingest", part).__aenter__()


async def test_nothing_is_written_while_all_goes_well(database: Database) -> None:
    for start in (0, 100):
        worker = guards(database)
        assert [part.watched for part in await worker.begin("ingest", batch(start, start + 5, True))] == [
            False
        ]
        written = await found(database)
        # No more than the guard itself: one that is gone would be noticed.
        await database[GUARDS.name].delete_many({})
        for offset in range(start + 5, start + 50, 5):
            (part,) = await worker.begin("ingest", batch(offset, offset + 5))
            assert not part.watched
        assert await database[GUARDS.name].count_documents({}) == 0
        await database[GUARDS.name].insert_one(written)
        await worker.leave()
        assert (await found(database))["left"]


async def test_a_killer_is_known_after_four_deaths(database: Database) -> None:
    killer = 42
    deaths = 0
    done: list[int] = []
    while True:
        worker = guards(database)
        batches = [batch(30, 40, True), batch(40, 50)] if deaths < 2 else [batch(40, 50, True)]
        died = False
        for each in batches:
            for part in await worker.begin("ingest", each):
                offsets = [one.offset for one in part]
                if worker.kills("ingest", part) >= worker.max_kills:
                    assert offsets == [killer]
                    assert deaths == 4
                    return
                if killer in offsets:
                    died = True
                    if part.watched:
                        await die(worker, part)
                    break
                done += offsets
                if part.watched:
                    async with worker.mark("ingest", part):
                        pass
            if died:
                break
        deaths += 1
        assert deaths < 10


async def test_after_a_death_some_batches_are_watched_and_then_none(database: Database) -> None:
    await guards(database).begin("ingest", batch(0, 5, True))
    worker = guards(database)
    watched = 0
    for n in range(WATCHED_BATCHES + 5):
        (part,) = await worker.begin("ingest", batch(5 * n, 5 * n + 5, n == 0))
        if part.watched:
            watched += 1
            async with worker.mark("ingest", part):
                assert (await found(database))["suspect"] == [5 * n, 5 * n + 5]
    assert watched == WATCHED_BATCHES
    # Killed much later, it is the same again, with nothing suspected.
    (part,) = await guards(database).begin("ingest", batch(0, 5, True))
    assert (part.watched, len(part)) == (True, 5)


async def test_what_fails_under_a_mark_is_not_a_death(database: Database) -> None:
    await guards(database).begin("ingest", batch(0, 5, True))
    worker = guards(database)
    (part,) = await worker.begin("ingest", batch(3, 4, True))
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with worker.mark("ingest", part):
                raise TimeoutError
    following = guards(database)
    (part,) = await following.begin("ingest", batch(3, 4, True))
    assert following.kills("ingest", part) == 0


async def test_one_that_was_frozen_marks_nothing_and_keeps_nobody_out(database: Database) -> None:
    await guards(database).begin("ingest", batch(0, 5, True))
    frozen, other = guards(database), guards(database)
    (part,) = await frozen.begin("ingest", batch(0, 5, True))
    (ours,) = await other.begin("ingest", batch(0, 5, True))
    async with other.mark("ingest", ours):
        before = await found(database)
        await frozen.leave()
        assert await found(database) == before
        with pytest.raises(CheckpointMovedError):
            await frozen.mark("ingest", part).__aenter__()
    # It took the guard, as it did not know better; the other one takes it back.
    with pytest.raises(CheckpointMovedError):
        await other.mark("ingest", ours).__aenter__()
    async with other.mark("ingest", ours):
        assert (await found(database))["alone"]


async def test_leaving_takes_no_longer_than_a_moment_where_mongodb_is_away() -> None:
    client = connect(
        MongoSettings.model_validate({"uri": f"mongodb://127.0.0.1:{choose_port(())}/?replicaSet=rs0"}),
        "tests",
    )
    with capture_logs() as logs:
        await Guards(client["nowhere"][GUARDS.name], 2).leave()
    assert "careful" in logs[0]["event"]
    await client.close()
