"""Every transaction writes all generations that are written, or none; and nothing is left of one that goes."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from postpulse import events
from postpulse.collections import (
    CHECKPOINTS,
    COUNTER_DELTAS,
    COUNTERS,
    GENERATED,
    GENERATIONS,
    POSTS,
    REPLAYS,
    Document,
    apply_collections,
)
from postpulse.counting.dimensions import COUNTERS_VERSION
from postpulse.events import ChunkAnalysis, Place, Post
from postpulse.generations import changes
from postpulse.generations.changes import (
    GenerationRefusedError,
    UnknownGenerationError,
    create_generation,
    drop_abandoned,
    drop_due,
    drop_generation,
    ensure_first_generation,
    finish_generation,
    switch_generation,
)
from postpulse.generations.counts import Difference, compare, count
from postpulse.generations.state import STATE_ID, Status, read_state
from postpulse.mongo.client import connect
from postpulse.mongo.client import database as database_in
from postpulse.replays import new_id, new_replay
from postpulse.topics import POST_CHUNK_ANALYSES
from stream_processors import analysis
from stream_processors.replay import rebuild
from stream_processors.runtime.batches import Record
from stream_processors.sink.transaction import Changes, GenerationGoneError, Sink
from tests.integration.sink.conftest import Worker
from tests.integration.sink.effects import LANE, document, everything, position, put
from tests.integration.sink.test_batches import StartWorker, batch, erased, said
from tests.integration.sink.test_batches import publisher as publisher
from tests.integration.sink.test_batches import start_worker as start_worker
from tests.pipeline import Pipeline
from tests.unit.stream_processors.records import record
from tests.waiting import until

Database = AsyncDatabase[Document]
_LONG = "Nine words are what this one sentence of mine has. " * 20
_CHUNK_CHARS = 256
_HOUR = 3600.0


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generations go without a wait for the last queries."""
    monkeypatch.setattr(changes, "_TO_DROP", {"status": Status.DROPPING, "drop_at": "$$NOW"})


@pytest.fixture
async def served(pipeline: Pipeline) -> AsyncIterator[Database]:
    """The database of the pipeline, for the event loop."""
    async with connect(pipeline.settings.mongo, "tests") as client:
        yield database_in(client, pipeline.settings.mongo)


async def statuses(database: Database) -> dict[int, str]:
    state = await read_state(database[GENERATIONS.name])
    return {generation.number: generation.status for generation in state.generations}


async def contents(database: Database, number: int) -> dict[str, list[Document]]:
    """What a generation holds, but the times of analyses, which are finished in each on its own."""
    projection = {"analyzed_at": 0}
    return {
        # Nobody asks for these by their ids.
        COUNTER_DELTAS.name: await database[COUNTER_DELTAS.name_in(number)].find({}, {"_id": 0}).to_list(),
    } | {
        collection.name: [
            found async for found in database[collection.name_in(number)].find({}, projection).sort("_id")
        ]
        for collection in GENERATED
        if collection is not COUNTER_DELTAS
    }


def partials(post: Post, place: Place, first_offset: int) -> list[Record]:
    pieces = analysis.split(post.content, _CHUNK_CHARS)
    results = [
        ChunkAnalysis(
            post_id=post.post_id,
            place=place,
            index=index,
            count=len(pieces),
            analysis_version=analysis.ANALYSIS_VERSION,
            partial=analysis.analyze_chunk(piece.text),
        )
        for index, piece in enumerate(pieces)
    ]
    return [
        record(first_offset + number, events.encode(result), post.post_id.encode(), POST_CHUNK_ANALYSES.name)
        for number, result in enumerate(results)
    ]


async def test_posts_edits_deletes_and_long_posts_go_to_both(
    pipeline: Pipeline, served: Database, start_worker: StartWorker
) -> None:
    database = served
    await ensure_first_generation(database, analysis.ANALYSIS_VERSION)
    number = await create_generation(database, analysis.ANALYSIS_VERSION, new_id())
    short = [pipeline.post(f"one two {n}", author="ada", lang="en") for n in range(5)]
    long = pipeline.post(_LONG, author="bob")
    edited = msgspec.structs.replace(short[1], content="three four five six")
    worker, other = await start_worker(), await start_worker()
    await worker.ingest(batch(*(said(n, post) for n, post in enumerate(short)), said(5, long)))
    first, *rest = partials(long, Place(0, 5), 0)
    await worker.merge(batch(first))
    assert await contents(database, 1) == await contents(database, number)
    assert len((await contents(database, number))["chunk_results"]) == 1
    # By another worker, which did not see the generation made.
    await other.ingest(batch(said(6, edited), erased(7, short[2])))
    await other.merge(batch(*rest))
    assert await contents(database, 1) == await contents(database, number)
    both = await count(database, (1, number))
    assert both[1] == both[number]
    assert both[1].posts == {"analyzed": 5, "analyzing": 0, "dead": 0, "deleted": 1}
    assert both[1].versions == {(analysis.ANALYSIS_VERSION, COUNTERS_VERSION): 5}
    assert both[1].counters["author"]["posts"] == both[1].counters["volume"]["posts"] == 5
    assert both[1].counters["volume"]["words"] == 213 == pipeline.counters("volume")[""]["words"]
    # Told once each, as with one generation.
    assert pipeline.current_results().keys() == {post.post_id for post in (*short, long)}


async def test_what_fails_between_two_generations_leaves_neither(worker: Worker, database: Database) -> None:
    number = await create_generation(database, 2, new_id())
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 1, put(document("a", 0)))
    before = [await everything(database), await contents(database, number)]
    calls = 0

    async def dies(changes: Changes) -> None:
        nonlocal calls
        calls += 1
        await put(document("a", 1, 5), document("b", 1))(changes)
        if calls == 2:
            raise ZeroDivisionError
        await write_now_in(sink, changes, number)

    with pytest.raises(ZeroDivisionError):
        await sink.write(LANE, 1, 2, dies)
    assert calls == 2
    assert [await everything(database), await contents(database, number)] == before
    # MongoDB refuses the second one alone.
    await database[COUNTERS.name].update_many({}, {"$set": {"words": "not a number"}})
    before = [await everything(database), await contents(database, number)]
    with pytest.raises(Exception, match="non-numeric"):
        await sink.write(LANE, 1, 2, put(document("b", 1)))
    assert [await everything(database), await contents(database, number)] == before
    assert await position(database) == 1


async def write_now_in(sink: Sink, changes: Changes, number: int) -> None:
    changes.post_writes, writes = [], changes.post_writes
    await sink._bulk(POSTS.name_in(number), writes, changes._session)


async def test_one_generation_alone_can_be_filled(worker: Worker, database: Database) -> None:
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 2, put(document("a", 0), document("b", 1)))
    number = await create_generation(database, 2, new_id())
    assert await compare(database, 1, number) == [Difference("posts", 2, 0)]
    lane = "posts-replay.v1/0"
    await sink.checkpoints.open(lane)
    before = await contents(database, 1)
    await sink.write(lane, 0, 2, put(document("a", 0), document("b", 1)), only=number)
    assert await contents(database, 1) == before
    assert await compare(database, 1, number) == []
    assert await position(database, lane) == 2
    for gone in (number + 1, 0):
        with pytest.raises(GenerationGoneError):
            await sink.write(lane, 2, 3, put(document("c", 2)), only=gone)
    assert await position(database, lane) == 2


async def test_versions_that_differ_must_agree_on_posts_alone(worker: Worker, database: Database) -> None:
    sink = await worker()
    await sink.checkpoints.open(LANE)
    number = await create_generation(database, 3, new_id())
    old, new = document("a", 0) | {"analysis_version": 2}, document("a", 0, 7) | {"analysis_version": 3}
    for generation, after, made in ((1, 1, old), (number, 2, new)):
        await sink.write(LANE, after - 1, after, put(made), only=generation)
    assert await compare(database, 1, number) == []
    await sink.write(LANE, 2, 3, put(document("b", 1) | {"analysis_version": 3}), only=number)
    assert await compare(database, 1, number) == [Difference("posts", 1, 2)]


async def test_a_replay_that_begins_again_goes_on_with_its_generation(database: Database) -> None:
    number = await create_generation(database, 2, "one")
    await database[GENERATIONS.name].update_one(
        {"_id": STATE_ID, "generations.number": number}, {"$set": {"generations.$.status": Status.CREATING}}
    )
    assert await create_generation(database, 2, "one") == number
    assert await create_generation(database, 2, "one") == number
    with pytest.raises(GenerationRefusedError, match="is being built"):
        await create_generation(database, 2, "another")
    await drop_generation(database, number)
    with pytest.raises(GenerationRefusedError, match="was dropped"):
        await create_generation(database, 2, "one")


async def test_one_whose_replay_is_over_is_let_go(database: Database, at_once: None) -> None:
    replay = new_replay({"all": True})
    await database[REPLAYS.name].insert_one(replay)
    number = await create_generation(database, 2, replay["_id"])
    await drop_abandoned(database)
    assert await statuses(database) == {1: "current", number: "building"}
    await database[REPLAYS.name].update_one({"_id": replay["_id"]}, {"$set": {"state": "cancelled"}})
    await drop_abandoned(database)
    assert await drop_due(database) == [number]


async def test_a_generation_has_its_indexes_before_anything_is_written(database: Database) -> None:
    number = await create_generation(database, 2, new_id())
    for collection in GENERATED:
        indexes = await database[collection.name_in(number)].index_information()
        assert indexes == await database[collection.name].index_information()
        # Made again if they are lost, as those of the first one.
        await database[collection.name_in(number)].drop_indexes()
    await apply_collections(database)
    for collection in GENERATED:
        indexes = await database[collection.name_in(number)].index_information()
        assert indexes == await database[collection.name].index_information()


async def test_one_is_built_at_a_time_and_no_number_comes_again(database: Database, at_once: None) -> None:
    made = await asyncio.gather(
        *(create_generation(database, 2, new_id()) for _ in range(5)), return_exceptions=True
    )
    assert sorted(map(str, made))[0] == "2"
    assert [type(each) for each in made].count(GenerationRefusedError) == 4
    await drop_generation(database, 2)
    assert await statuses(database) == {1: "current", 2: "dropping"}
    assert await drop_due(database) == [2]
    assert await create_generation(database, 2, new_id()) == 3
    assert await finish_generation(database, 3)
    assert not await finish_generation(database, 3)
    assert await statuses(database) == {1: "current", 3: "ready"}


async def test_a_switch_is_refused_where_it_would_lose_something(worker: Worker, database: Database) -> None:
    number = await create_generation(database, 2, new_id())
    with pytest.raises(UnknownGenerationError, match=r"There is no generation 7; there are 1, 2\."):
        await switch_generation(database, 7, _HOUR)
    with pytest.raises(GenerationRefusedError, match="is being built"):
        await switch_generation(database, number, _HOUR)
    await finish_generation(database, number)
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 1, put(document("a", 0)), only=1)
    with pytest.raises(GenerationRefusedError, match=r"posts 0 instead of 1") as refused:
        await switch_generation(database, number, _HOUR)
    assert Difference("posts", 1, 0) in refused.value.differences
    assert await statuses(database) == {1: "current", 2: "ready"}
    await switch_generation(database, number, _HOUR, force=True)
    assert await statuses(database) == {1: "kept", 2: "current"}
    with pytest.raises(GenerationRefusedError, match="is the current one"):
        await drop_generation(database, number)
    await drop_generation(database, 1)
    with pytest.raises(GenerationRefusedError, match="holds nothing to serve"):
        await switch_generation(database, 1, _HOUR, force=True)


async def test_within_the_grace_time_queries_can_go_back(worker: Worker, database: Database) -> None:
    number = await create_generation(database, 2, new_id())
    await finish_generation(database, number)
    sink = await worker()
    await sink.checkpoints.open(LANE)
    state = await switch_generation(database, number, _HOUR)
    first, second = state.generations
    assert first.drop_at is not None
    assert second.switched_at is not None
    assert (first.drop_at - second.switched_at).total_seconds() == _HOUR
    await sink.write(LANE, 0, 1, put(document("a", 0, 3)))
    assert (await sink.posts(["a"])).keys() == {"a"}
    assert await drop_due(database) == []
    # Again is no change: an answer may have been lost.
    assert await switch_generation(database, number, _HOUR) == state
    back = await switch_generation(database, 1, _HOUR)
    assert (back.current, back.generations[0].drop_at) == (1, None)
    assert await contents(database, 1) == await contents(database, number)
    assert (await sink.posts(["a"])).keys() == {"a"}


async def test_of_two_switches_at_once_one_is_made(database: Database) -> None:
    for _ in range(2):
        await finish_generation(database, await create_generation(database, 2, new_id()))
    done = await asyncio.gather(
        *(switch_generation(database, number, _HOUR) for number in (2, 3)), return_exceptions=True
    )
    state = await read_state(database[GENERATIONS.name])
    assert [each.status for each in state.generations].count(Status.CURRENT) == 1
    assert any(not isinstance(each, BaseException) for each in done)


async def test_it_goes_when_the_grace_time_is_over_whoever_looks(
    database: Database, at_once: None, worker: Worker
) -> None:
    number = await create_generation(database, 2, new_id())
    await switch_generation(database, number, 0, force=True)
    dropped = await asyncio.gather(*(drop_due(database) for _ in range(4)))
    assert [1] in dropped
    assert await statuses(database) == {number: "current"}
    names = await database.list_collection_names()
    assert not {collection.name for collection in GENERATED} & set(names)
    # Nor does a worker that starts make it anew.
    await apply_collections(database)
    assert sorted(await database.list_collection_names()) == sorted(names)
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 1, put(document("a", 0)))
    assert sorted(await database.list_collection_names()) == sorted(names)
    assert (await sink.posts(["a"])).keys() == {"a"}


async def test_queries_that_began_before_a_drop_have_time_to_end(database: Database) -> None:
    number = await create_generation(database, 2, new_id())
    await drop_generation(database, number)
    assert await drop_due(database) == []
    assert POSTS.name_in(number) in await database.list_collection_names()


async def test_a_transaction_under_way_keeps_no_dropped_collection_alive(
    worker: Worker, database: Database, at_once: None
) -> None:
    """It has read which generations are written, and writes to the one that goes only now."""
    number = await create_generation(database, 2, new_id())
    sink = await worker()
    await sink.checkpoints.open(LANE)
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(changes: Changes) -> None:
        inside.set()
        await go_on.wait()
        await put(document("a", 0))(changes)

    writing = asyncio.create_task(sink.write(LANE, 0, 1, slow))
    await inside.wait()
    await drop_generation(database, number)
    dropping = asyncio.create_task(drop_due(database))
    # It waits for the transaction: its checkpoint is in the way.
    await asyncio.wait((dropping,), timeout=0.5)
    assert not dropping.done()
    assert POSTS.name_in(number) in await database.list_collection_names()
    go_on.set()
    await writing
    assert await dropping == [number]
    assert not [name for name in await database.list_collection_names() if ".g" in name]
    assert (await sink.posts(["a"])).keys() == {"a"}


async def test_a_transaction_that_began_before_and_writes_later_begins_anew(
    worker: Worker, database: Database, at_once: None
) -> None:
    """Its snapshot knows the generation, and it has not written its checkpoint when the barrier comes by."""
    number = await create_generation(database, 2, new_id())
    sink = await worker()
    await sink.checkpoints.open(LANE)
    async with database.client.start_session() as session:
        await session.start_transaction()
        seen = await read_state(database[GENERATIONS.name], session)
        assert number in seen.written
        await drop_generation(database, number)
        assert await drop_due(database) == [number]
        with pytest.raises(Exception, match="WriteConflict"):
            await database[CHECKPOINTS.name].update_one({"_id": LANE}, {"$set": {"next": 1}}, session=session)
    assert not [name for name in await database.list_collection_names() if ".g" in name]


async def test_a_drop_under_load_leaves_nothing_behind(
    worker: Worker, database: Database, at_once: None
) -> None:
    lanes = [f"posts.v1/{n}" for n in range(4)]
    sinks = [await worker() for _ in lanes]
    over = asyncio.Event()

    async def run(lane: str, sink: Sink) -> int:
        offset = await sink.checkpoints.open(lane)
        while not over.is_set():
            await sink.write(lane, offset, offset + 1, put(document(f"{lane} {offset % 7}", offset, offset)))
            offset += 1
        return offset

    running = [asyncio.create_task(run(*each)) for each in zip(lanes, sinks, strict=True)]
    async with asyncio.timeout(100):
        for round_ in range(3):
            number = await create_generation(database, 2, new_id())
            built = database[POSTS.name_in(number)]

            async def written_to(built: AsyncCollection[Document] = built) -> bool:
                return await built.count_documents({}) >= 10

            await until("posts in it", written_to)
            await asyncio.gather(drop_generation(database, number), *(drop_due(database) for _ in range(2)))
            while number in await statuses(database):
                await drop_due(database)
            assert round_ + 2 == number
        over.set()
        written = await asyncio.gather(*running)
    assert min(written) > 0
    assert not [name for name in await database.list_collection_names() if ".g" in name]
    assert [await position(database, lane) for lane in lanes] == written
    held = (await count(database, [1]))[1]
    assert (
        held.posts["analyzed"] == held.counters["volume"]["posts"] == await database.posts.count_documents({})
    )


async def test_what_is_left_of_a_dropped_one_goes_and_nothing_else(database: Database, at_once: None) -> None:
    number = await create_generation(database, 2, new_id())
    await drop_generation(database, number)
    await drop_due(database)
    # By a worker that had begun to look after its indexes, and by somebody else.
    for name in ("posts.g2", "posts.g9", "posts.gone", "my_posts.g2"):
        await database[name].create_index([("_id", 1)])
    await drop_due(database)
    found = set(await database.list_collection_names())
    assert "posts.g2" not in found
    assert {"posts.g9", "posts.gone", "my_posts.g2", "posts", "counters", "chunk_results"} <= found
    # Without a state, nothing is known to be left over.
    await database[GENERATIONS.name].delete_one({"_id": STATE_ID})
    await drop_due(database)
    assert "posts.g9" in await database.list_collection_names()


async def test_many_first_workers_write_one_state(database: Database) -> None:
    await asyncio.gather(*(ensure_first_generation(database, 2) for _ in range(8)))
    await ensure_first_generation(database, 3)
    state = await read_state(database[GENERATIONS.name])
    (only,) = state.generations
    assert (only.number, only.status, only.analysis_version) == (1, "current", 2)
    assert only.created_at is not None


async def test_a_rebuild_that_differs_for_good_is_not_switched_to(
    worker: Worker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_LOOK_SECONDS", 0.0)
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 1, put(document("a", 0)))
    ending = rebuild.Rebuild(database, _HOUR)
    number = await ending.begin("a replay")
    # Its one post may be under way still.
    assert not await ending.end(number)
    assert await statuses(database) == {1: "current", 2: "building"}
    monkeypatch.setattr(rebuild, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(GenerationRefusedError, match=r"posts 0 instead of 1.*generations switch 2 --force"):
        await ending.end(number)
    assert await statuses(database) == {1: "current", 2: "ready"}
    await sink.write(LANE, 1, 2, put(document("a", 0)), only=number)
    assert await ending.end(number)
    assert await ending.end(number)
    assert await statuses(database) == {1: "kept", 2: "current"}


async def test_one_that_differs_as_the_one_before_did_has_a_patience_of_its_own(
    worker: Worker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(rebuild, "_PATIENCE_SECONDS", 0.2)
    sink = await worker()
    await sink.checkpoints.open(LANE)
    await sink.write(LANE, 0, 1, put(document("a", 0)))
    ending = rebuild.Rebuild(database, _HOUR)
    first = await ending.begin("one")

    async def refused() -> bool:
        try:
            return await ending.end(first)
        except GenerationRefusedError:
            return True

    await until("it to be refused", refused)
    await drop_generation(database, first)
    assert not await ending.end(await ending.begin("another"))
