"""Batches through the agents themselves, delivered again, late, and to two workers: the documents decide."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from postpulse import events
from postpulse.events import ChunkAnalysis, DeadLetter, Place, Post
from postpulse.kafka.publisher import Publisher
from postpulse.mongo.client import connect, database
from postpulse.topics import DEAD_LETTERS, POST_ANALYSES, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS
from stream_processors import analysis
from stream_processors.agents.ingest import Destinations, Ingest
from stream_processors.agents.merge import Merge
from stream_processors.dead_letters.letters import DeadLetters
from stream_processors.runtime.batches import Record, RecordBatch
from stream_processors.sink.checkpoints import CheckpointMovedError
from stream_processors.sink.transaction import Sink
from tests.pipeline import Pipeline
from tests.unit.stream_processors.records import record

_CHUNK_CHARS = 256


@pytest.fixture
async def publisher(pipeline: Pipeline) -> AsyncIterator[Publisher]:
    made = Publisher(pipeline.settings.kafka, "tests")
    made.start()
    yield made
    await made.close()


class Worker:
    """The agents of one worker, without what delivers batches to them."""

    def __init__(self, pipeline: Pipeline, sink: Sink, publisher: Publisher) -> None:
        self.sink = sink
        letters = DeadLetters(publisher, pipeline.topic(DEAD_LETTERS))
        analyses = pipeline.topic(POST_ANALYSES)
        destinations = Destinations(analyses, pipeline.topic(POST_CHUNKS))
        self.ingest = Ingest(sink, publisher, letters, destinations, POSTS.name, _CHUNK_CHARS).process
        self.merge = Merge(sink, publisher, letters, analyses, POST_CHUNK_ANALYSES.name).process


StartWorker = Callable[[], Awaitable[Worker]]


@pytest.fixture
async def start_worker(pipeline: Pipeline, publisher: Publisher) -> AsyncIterator[StartWorker]:
    async with AsyncExitStack() as stack:

        async def start() -> Worker:
            client = connect(pipeline.settings.mongo, "tests")
            sink = Sink(client, database(client, pipeline.settings.mongo))
            stack.push_async_callback(client.close)
            stack.push_async_callback(sink.checkpoints.close)
            return Worker(pipeline, sink, publisher)

        yield start


def batch(*records: Record) -> RecordBatch:
    return RecordBatch(records[0].topic, records[0].partition, records, lambda _: None)


def said(offset: int, post: Post) -> Record:
    return record(offset, events.encode(post), post.post_id.encode())


def erased(offset: int, post: Post) -> Record:
    return record(offset, None, post.post_id.encode())


def state(pipeline: Pipeline) -> dict[str, list[dict[str, Any]]]:
    """Everything in the database, but whose the lanes are."""
    names = sorted(pipeline.database.list_collection_names())
    return {name: list(pipeline.database[name].find({}, {"session": 0}).sort("_id")) for name in names}


def rewind(pipeline: Pipeline, to: int = 0) -> None:
    """Forget the checkpoints, so that nothing but the documents' places is left to tell."""
    pipeline.database.checkpoints.update_many({}, {"$set": {"next": to}})


async def test_a_batch_delivered_again_is_only_told_again(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    posts = [pipeline.post(f"one two {n}", author="ada", lang="en") for n in range(5)]
    delivered = batch(*(said(n, post) for n, post in enumerate(posts)), erased(5, posts[4]))
    worker = await start_worker()
    await worker.ingest(delivered)
    before = state(pipeline)
    assert pipeline.counters("volume")[""]["posts"] == 4
    told = pipeline.read_all(POST_ANALYSES)
    for again in (worker, await start_worker()):
        await again.ingest(delivered)
        assert state(pipeline) == before
    # The same events, made from the documents alone.
    assert sorted(pipeline.read_all(POST_ANALYSES), key=repr) == sorted(told * 3, key=repr)


async def test_a_batch_that_was_half_done_has_its_other_half_done(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    """A worker dies after a batch of two; the log delivers what was not committed in one batch of four."""
    posts = [pipeline.post(f"one two {n}") for n in range(4)]
    records = [said(n, post) for n, post in enumerate(posts)]
    await (await start_worker()).ingest(batch(*records[:2]))
    await (await start_worker()).ingest(batch(*records))
    assert pipeline.counters("volume")[""]["posts"] == 4
    assert pipeline.current_results().keys() == {post.post_id for post in posts}


async def test_an_older_record_never_overwrites_a_newer(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    post = pipeline.post("the first words of it")
    newer = msgspec.structs.replace(post, content="the newer")
    worker = await start_worker()
    await worker.ingest(batch(said(7, newer)))
    before = state(pipeline)
    rewind(pipeline)
    await worker.ingest(batch(said(3, post)))
    rewind(pipeline, 8)
    assert state(pipeline) == before
    results = pipeline.current_results()[post.post_id]
    assert results is not None
    assert results["revision"] == 7
    # Nor does an older tombstone, and a newer record does overwrite.
    rewind(pipeline)
    await worker.ingest(batch(erased(5, post)))
    rewind(pipeline, 8)
    assert state(pipeline) == before
    await worker.ingest(batch(said(8, post)))
    assert pipeline.counters("volume")[""] == {"posts": 1, "words": 5, "characters": 21}


async def test_a_delete_undoes_the_counters_and_stays(pipeline: Pipeline, start_worker: StartWorker) -> None:
    post = pipeline.post("one two three", author="ada", lang="en")
    kept = pipeline.post("four", author="ada")
    worker = await start_worker()
    await worker.ingest(batch(said(0, post), said(1, kept)))
    assert pipeline.counters("author")["ada"]["words"] == 4
    await worker.ingest(batch(erased(2, post)))
    assert pipeline.counters("volume") == {"": {"posts": 1, "words": 1, "characters": 4}}
    assert pipeline.counters("author")["ada"]["words"] == 1
    assert pipeline.counters("language") == {}
    before = state(pipeline)
    rewind(pipeline)
    await worker.ingest(batch(said(0, post), said(1, kept)))
    rewind(pipeline, 3)
    assert state(pipeline) == before
    # A tombstone of what never was, too, keeps out what is older.
    unknown = pipeline.post("never seen")
    await worker.ingest(batch(erased(9, unknown)))
    rewind(pipeline)
    await worker.ingest(batch(said(8, unknown)))
    assert (pipeline.find(unknown.post_id) or {})["state"] == "deleted"
    assert pipeline.counters("volume") == {"": {"posts": 1, "words": 1, "characters": 4}}


async def test_a_zombie_tells_nothing_wrong(pipeline: Pipeline, start_worker: StartWorker) -> None:
    """It looks at the lane anew with each attempt, and finds the batch done by another."""
    post = pipeline.post("one two")
    newer = msgspec.structs.replace(post, content="one two three")
    zombie, other = await start_worker(), await start_worker()
    await zombie.ingest(batch(said(0, pipeline.post("before"))))
    await other.ingest(batch(said(1, post), said(2, newer)))
    before = state(pipeline)
    await zombie.ingest(batch(said(1, post)))
    assert state(pipeline) == before
    result = pipeline.current_results()[post.post_id]
    assert result is not None
    assert result["revision"] == 2


async def test_chunks_of_an_older_revision_are_left_out(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    sentence = "Nine words are what this one sentence of mine has. "
    older = pipeline.post(sentence * 20)
    newer = msgspec.structs.replace(older, content=sentence * 21)
    worker = await start_worker()
    await worker.ingest(batch(said(0, older)))
    await worker.ingest(batch(said(1, newer)))

    def results(post: Post, offset: int) -> list[Record]:
        pieces = analysis.split(post.content, _CHUNK_CHARS)
        return [
            record(
                index,
                events.encode(
                    ChunkAnalysis(
                        post_id=post.post_id,
                        place=Place(0, offset),
                        index=index,
                        count=len(pieces),
                        analysis_version=analysis.ANALYSIS_VERSION,
                        partial=analysis.analyze_chunk(piece.text),
                    )
                ),
                post.post_id.encode(),
                POST_CHUNK_ANALYSES.name,
            )
            for index, piece in enumerate(pieces)
        ]

    def moved(records: list[Record], by: int) -> list[Record]:
        return [replace(one, offset=one.offset + by) for one in records]  # type: ignore[type-var]

    old, new = results(older, 0), results(newer, 1)
    assert len(new) > 3
    await worker.merge(batch(*old))
    assert pipeline.database.chunk_results.count_documents({}) == 0
    assert pipeline.counters("volume") == {}
    # One by one, each of them twice, and by two workers in turn.
    workers = [worker, await start_worker()]
    offset = len(old)
    for one in new:
        for merging in workers:
            await merging.merge(batch(replace(one, offset=offset)))  # type: ignore[type-var]
            offset += 1
    document = pipeline.find(newer.post_id)
    assert document is not None
    assert document["analysis"] == analysis.analyze(newer.content)
    assert pipeline.counters("volume")[""]["words"] == document["analysis"]["num_of_words"]
    assert pipeline.database.chunk_results.count_documents({}) == 0
    before = state(pipeline)
    await worker.merge(batch(*moved([*old, *new], offset)))
    after = state(pipeline)
    assert {name: after[name] for name in ("posts", "counters", "chunk_results")} == {
        name: before[name] for name in ("posts", "counters", "chunk_results")
    }


async def test_the_same_record_has_the_same_dead_letter_key(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    garbage = [record(4, b"{", b"a"), record(5, b"{", b"a"), record(6, None, None, headers=[("h", None)])]
    for _ in range(2):
        await (await start_worker()).ingest(batch(*garbage))
    keys = [key for key, _ in pipeline.read_all(DEAD_LETTERS)]
    assert sorted(keys, key=repr) == [
        key for offset in (4, 5, 6) for key in [f"posts.v1/0/{offset}".encode()] * 2
    ]
    for _, value in pipeline.read_all(DEAD_LETTERS):
        assert events.decode(DeadLetter, value or b"").reason


async def test_a_batch_whose_lane_is_taken_meanwhile_can_be_tried_again(
    pipeline: Pipeline, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = pipeline.post("one two")
    worker, other = await start_worker(), await start_worker()
    checkpoints = worker.sink.checkpoints
    move = checkpoints.move

    async def moved(*arguments: Any) -> None:
        monkeypatch.setattr(checkpoints, "move", move)
        await other.ingest(batch(said(0, post)))
        await move(*arguments)

    monkeypatch.setattr(checkpoints, "move", moved)
    with pytest.raises(CheckpointMovedError):
        await worker.ingest(batch(said(0, post)))
    before = state(pipeline)
    await worker.ingest(batch(said(0, post)))
    assert state(pipeline) == before
    assert len(pipeline.read_all(POST_ANALYSES)) == 2


@pytest.mark.parametrize("batches", [1, 2])
async def test_a_post_that_its_delete_overtook_stays_deleted(
    pipeline: Pipeline, start_worker: StartWorker, batches: int
) -> None:
    """As when one API still had it in its spool, and another one took the delete."""
    post = pipeline.post("gone before it came", author="ada")
    key, topic = post.post_id.encode(), pipeline.topic(POSTS)
    said_when = [("deleted-at", str(post.received_at + 5).encode())]
    records = [record(2, None, key, topic, 0, said_when), record(3, events.encode(post), key, topic)]
    worker = await start_worker()
    for part in [records] if batches == 1 else [[each] for each in records]:
        await worker.ingest(batch(*part))
    assert (pipeline.find(post.post_id) or {})["state"] == "deleted"
    assert pipeline.counters("volume") == {}
    # In the log the delete is the last word again, and says when it was.
    assert pipeline.read_all(POSTS) == [(key, None)]
    # Sent again under its idempotency key, after the delete, it is there again.
    again = msgspec.structs.replace(post, received_at=post.received_at + 6)
    await worker.ingest(batch(said(9, again)))
    assert (pipeline.find(post.post_id) or {})["state"] == "analyzed"
    assert pipeline.counters("volume")[""]["posts"] == 1
