"""The fence: one transaction a batch, all or nothing, and only by the worker that has the lane."""

import asyncio
from collections.abc import Awaitable

import pytest
from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import CHECKPOINTS, CHUNK_RESULTS, POSTS, Document
from stream_processors.dead_letters.sorting import passes_by_itself
from stream_processors.sink.checkpoints import CheckpointMovedError
from stream_processors.sink.transaction import Changes, Sink
from tests.integration.sink.conftest import Worker
from tests.integration.sink.effects import LANE, document, everything, position, put, totals, write_now

Database = AsyncDatabase[Document]
#: Without the fence, locks of a transaction that was left open stay for a minute.
_SOON_SECONDS = 20


async def test_effects_and_checkpoint_appear_together(worker: Worker, database: Database) -> None:
    sink = await worker()
    assert await sink.checkpoints.open(LANE) == 0

    async def prepare(changes: Changes) -> None:
        await put(document("a", 0, 3), document("b", 1, 4))(changes)
        changes.result_writes.append(UpdateOne({"_id": "c/2/0"}, {"$set": {"post_id": "c"}}, upsert=True))

    await sink.write(LANE, 0, 2, prepare)
    assert await position(database) == 2
    assert await totals(database) == {"posts": 2, "words": 7, "characters": 70}
    assert await database[POSTS.name].count_documents({}) == 2
    assert await database[CHUNK_RESULTS.name].count_documents({}) == 1


async def test_nothing_is_seen_before_all_is(worker: Worker, database: Database) -> None:
    sink = await worker()
    await sink.checkpoints.open(LANE)
    before = await everything(database)

    async def prepare(changes: Changes) -> None:
        await put(document("a", 0))(changes)
        await write_now(sink, changes)
        assert await everything(database) == before
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await sink.write(LANE, 0, 1, prepare)
    assert await everything(database) == before
    # The lane works on.
    await sink.write(LANE, 0, 1, put(document("a", 0)))
    assert await position(database) == 1


async def test_a_write_that_fails_in_the_middle_leaves_nothing(worker: Worker, database: Database) -> None:
    """Posts are written before counters: MongoDB refuses the counters here."""
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 1, put(document("a", 0)))
    await database["counters"].update_many({}, {"$set": {"words": "not a number"}})
    before = await everything(database)
    with pytest.raises(Exception, match="non-numeric"):
        await sink.write(LANE, 1, 2, put(document("b", 1)))
    assert await everything(database) == before


async def test_the_same_batch_again_has_no_effect(worker: Worker, database: Database) -> None:
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 2, put(document("a", 0)))
    before = await everything(database)
    with pytest.raises(CheckpointMovedError):
        await sink.write(LANE, 0, 2, put(document("a", 0), document("b", 1)))
    assert await everything(database) == before
    assert await sink.checkpoints.open(LANE) == 2


async def test_a_worker_that_lost_the_lane_writes_nothing(worker: Worker, database: Database) -> None:
    frozen, other = await worker(), await worker()
    await frozen.checkpoints.open(LANE)
    await frozen.write(LANE, 0, 1, put(document("a", 0)))
    assert await other.checkpoints.open(LANE) == 1
    before = await everything(database)
    # Before the other has written anything, so that the offset alone would let it through.
    with pytest.raises(CheckpointMovedError):
        await frozen.write(LANE, 1, 2, put(document("b", 1)))
    assert await everything(database) == before
    await other.write(LANE, 1, 2, put(document("b", 1, 5)))
    with pytest.raises(CheckpointMovedError):
        await frozen.write(LANE, 1, 2, put(document("b", 1)))
    assert await totals(database) == {"posts": 2, "words": 6, "characters": 60}


async def test_a_takeover_ends_a_transaction_that_was_left_open(worker: Worker, database: Database) -> None:
    frozen, other = await worker(), await worker()
    await frozen.checkpoints.open(LANE)
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def prepare(changes: Changes) -> None:
        await put(document("a", 0, 3), document("only here", 1))(changes)
        await write_now(frozen, changes)
        inside.set()
        await go_on.wait()

    writing = asyncio.create_task(frozen.write(LANE, 0, 2, prepare))
    await inside.wait()
    # It holds the checkpoint and the post "a" now, and is not heard of for a while.
    async with asyncio.timeout(_SOON_SECONDS):
        assert await other.checkpoints.open(LANE) == 0
        await other.write(LANE, 0, 1, put(document("a", 0, 4)))
    go_on.set()
    with pytest.raises(CheckpointMovedError):
        await writing
    assert await totals(database) == {"posts": 1, "words": 4, "characters": 40}
    assert await database[POSTS.name].find_one({"_id": "only here"}) is None
    assert await position(database) == 1


async def test_a_lane_goes_to_and_fro(worker: Worker, database: Database) -> None:
    """Also back to a worker whose session was ended meanwhile."""
    workers = [await worker(), await worker()]
    for offset in range(8):
        sink = workers[offset % 2]
        assert await sink.checkpoints.open(LANE) == offset
        await sink.write(LANE, offset, offset + 1, put(document(f"post {offset}", offset)))
    assert (await totals(database))["posts"] == 8


async def _outcome(writing: Awaitable[object]) -> str:
    try:
        await writing
    except Exception as error:
        # Or interrupted, where the session was ended in the middle of a command.
        if not passes_by_itself(error):
            raise
        return "fenced"
    return "written"


@pytest.mark.parametrize("known", [False, True], ids=["a new lane", "a known lane"])
async def test_of_many_who_take_a_lane_at_once_one_writes(
    worker: Worker, database: Database, known: bool
) -> None:
    workers = [await worker() for _ in range(6)]
    if known:
        before = await worker()
        await before.checkpoints.open(LANE)

    async def take_and_write(number: int, sink: Sink) -> None:
        start = await sink.checkpoints.open(LANE)
        await sink.write(LANE, start, 5, put(document("a", 4, number)))

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(_outcome(take_and_write(number, sink)) for number, sink in enumerate(workers, 1))
        )
    # One that opened after the first had written has nothing left to do, and moves from 5 to 5.
    assert "written" in outcomes
    stored = await database[POSTS.name].find_one({"_id": "a"})
    assert stored is not None
    assert await totals(database) == {
        "posts": 1,
        "words": stored["analysis"]["num_of_words"],
        "characters": stored["analysis"]["num_of_characters"],
    }
    assert await position(database) == 5


async def test_two_batches_of_one_lane_in_one_worker_take_turns(worker: Worker, database: Database) -> None:
    """One may have outlived its partition's revocation when the partition is back."""
    sink = await worker()
    await sink.checkpoints.open(LANE)
    outcomes = await asyncio.gather(
        _outcome(sink.write(LANE, 0, 2, put(document("a", 0), document("b", 1)))),
        _outcome(sink.write(LANE, 0, 3, put(document("a", 0), document("b", 1), document("c", 2)))),
    )
    assert sorted(outcomes) == ["fenced", "written"]
    assert (await totals(database))["posts"] == await position(database)


async def test_lanes_that_write_the_same_post_conflict_and_try_again(
    worker: Worker, database: Database
) -> None:
    """A merge finishes a post while the ingest of its partition replaces it."""
    first, second = await worker(), await worker()
    lanes = ("posts.v1/0", "post-chunk-analyses.v1/0")
    for sink, lane in zip((first, second), lanes, strict=True):
        await sink.checkpoints.open(lane)
    await first.write(lanes[0], 0, 1, put(document("a", 0, 1)))
    inside, conflicted = asyncio.Event(), asyncio.Event()
    attempts = 0

    async def slow(changes: Changes) -> None:
        await put(document("a", 1, 10))(changes)
        await write_now(first, changes)
        inside.set()
        await conflicted.wait()

    async def fast(changes: Changes) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            conflicted.set()
        await put(document("a", 2, 100))(changes)

    async with asyncio.timeout(60):
        one = asyncio.create_task(first.write(lanes[0], 1, 2, slow))
        await inside.wait()
        await second.write(lanes[1], 0, 1, fast)
        await one
    assert attempts >= 2
    # The second one counted the difference to what the first one wrote, not to what it saw at first.
    assert await totals(database) == {"posts": 1, "words": 100, "characters": 1000}
    assert [await position(database, lane) for lane in lanes] == [2, 1]


async def test_many_lanes_at_once_on_the_same_posts(worker: Worker, database: Database) -> None:
    """Whoever comes last, the counters are those of the documents."""
    lanes = [f"posts.v1/{n}" for n in range(4)]
    sinks = [await worker() for _ in lanes]

    async def run(sink: Sink, number: int) -> None:
        start = await sink.checkpoints.open(lanes[number])
        for step in range(start, 5):
            documents = [document(f"post {n}", step, 10 * number + step) for n in range(5)]
            await sink.write(lanes[number], step, step + 1, put(*documents))

    async with asyncio.timeout(90):
        await asyncio.gather(*(run(sink, number) for number, sink in enumerate(sinks)))
    stored = [found async for found in database[POSTS.name].find()]
    assert len(stored) == 5
    assert await totals(database) == {
        "posts": 5,
        "words": sum(found["analysis"]["num_of_words"] for found in stored),
        "characters": sum(found["analysis"]["num_of_characters"] for found in stored),
    }
    assert await database[CHECKPOINTS.name].count_documents({"next": 5}) == 4
