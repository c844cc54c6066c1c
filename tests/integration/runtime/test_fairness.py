"""The runtime alone, with agents of the test's own on the real broker: who waits keeps nobody else waiting."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest

from postpulse.settings import WorkerSettings
from postpulse.topics import POST_CHUNKS, POSTS, Topic
from stream_processors.runtime.batch_app import add_agent, create_batch_app
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.offsets import BatchLimits
from stream_processors.runtime.retries import Process, Safeguards
from stream_processors.runtime.transport import _UNTAKEN_SECONDS, BatchConsumer
from tests.pipeline import Pipeline
from tests.waiting import until

_LIMITS = BatchLimits(max_records=100, max_bytes=20_000)
#: What one poll may bring beyond the limit at which fetching pauses.
_POLL_RECORDS = _LIMITS.max_records
Run = Callable[[dict[Topic, Process]], Awaitable[BatchConsumer]]


@pytest.fixture
async def run(pipeline: Pipeline) -> AsyncIterator[Run]:
    """`await run({topic: process})`: a worker with an agent on each of these topics."""
    worker = WorkerSettings(
        batch_max_records=_LIMITS.max_records,
        batch_max_bytes=_LIMITS.max_bytes,
        commit_interval_seconds=0.1,
        rebalance_grace_seconds=0,
    )
    settings = pipeline.settings.model_copy(update={"worker": worker})
    async with AsyncExitStack() as stack:

        async def start(processes: dict[Topic, Process]) -> BatchConsumer:
            safeguards = Safeguards(worker)
            app = create_batch_app("fairness", settings, safeguards)
            for topic, process in processes.items():
                stage = topic.name.replace(".", "-")
                add_agent(app, stage, pipeline.topic(topic), process, 3, safeguards)
            await app.start()
            stack.push_async_callback(app.stop)
            return cast(BatchConsumer, app.consumer)

        yield start


def _send(
    pipeline: Pipeline, topic: Topic, count: int, size: int = 100, partition: int | None = None
) -> None:
    more: dict[str, Any] = {} if partition is None else {"partition": partition}
    for n in range(count):
        pipeline.send_raw(topic, str(n).encode(), bytes(size), **more)
    pipeline.flush()


def _waiting(consumer: BatchConsumer) -> dict[tuple[str, int], tuple[int, int]]:
    states = consumer._ledger._partitions.items()
    return {partition: (len(state.waiting), state.waiting_bytes) for partition, state in states}


async def _for_ever(batch: RecordBatch) -> None:
    await asyncio.Event().wait()


async def test_a_stuck_topic_is_not_read_on_and_holds_up_no_other(pipeline: Pipeline, run: Run) -> None:
    _send(pipeline, POSTS, 6000)
    seen = 0

    async def count(batch: RecordBatch) -> None:
        nonlocal seen
        seen += len(batch)

    consumer = await run({POSTS: _for_ever, POST_CHUNKS: count})
    posts = pipeline.topic(POSTS)
    stuck = {(posts, partition) for partition in range(3)}
    await until("enough to wait", lambda: consumer._ledger.saturated() == stuck)
    # What lies in aiokafka untaken keeps the broker from being asked for the others' for no longer than that.
    untaken = consumer._own_thread._ensure_consumer()._fetcher._records.values()
    assert {result._backoff for result in untaken} == {_UNTAKEN_SECONDS}
    _send(pipeline, POST_CHUNKS, 6000)
    await until("the other topic", lambda: seen == 6000)
    # With all that fetching, no more of the one that is stuck was taken than its limits say.
    for partition in stuck:
        records, size = _waiting(consumer)[partition]
        assert records < 2 * _LIMITS.max_records + _POLL_RECORDS
        assert size < 2 * _LIMITS.max_bytes + _POLL_RECORDS * (100 + 64)
    assert {(batch.topic, batch.partition) for batch in consumer._ledger.under_way()} == stuck


async def test_a_stuck_partition_holds_up_no_other_of_its_topic(pipeline: Pipeline, run: Run) -> None:
    for partition in range(3):
        _send(pipeline, POSTS, 3000, partition=partition)
    seen: dict[int, list[int]] = defaultdict(list)

    async def process(batch: RecordBatch) -> None:
        if batch.partition == 1:
            await _for_ever(batch)
        seen[batch.partition] += [record.offset for record in batch]

    await run({POSTS: process})
    await until("the others", lambda: [len(seen[0]), len(seen[2])] == [3000, 3000])
    # In order, each once.
    assert seen == {0: list(range(3000)), 2: list(range(3000))}


async def test_batches_keep_to_their_limits_and_fill_under_load(pipeline: Pipeline, run: Run) -> None:
    _send(pipeline, POSTS, 2000, size=10, partition=0)
    _send(pipeline, POSTS, 100, size=9_000, partition=1)
    _send(pipeline, POSTS, 3, size=50_000, partition=2)
    batches: dict[int, list[RecordBatch]] = defaultdict(list)
    done = 0

    async def process(batch: RecordBatch) -> None:
        nonlocal done
        batches[batch.partition].append(batch)
        done += len(batch)

    await run({POSTS: process})
    await until("all of them", lambda: done == 2103)
    assert max(len(batch) for batch in batches[0]) == _LIMITS.max_records
    assert len(batches[0]) < 100
    assert {len(batch) for batch in batches[1]} <= {1, 2}
    assert [len(batch) for batch in batches[2]] == [1, 1, 1]


async def test_what_fails_is_tried_again_and_only_the_finished_is_committed(
    pipeline: Pipeline, run: Run
) -> None:
    """The committed offset of each partition is the end of its finished batches, however often others fail."""
    _send(pipeline, POSTS, 500, partition=0)
    _send(pipeline, POSTS, 500, partition=1)
    failures = finished = 0

    async def process(batch: RecordBatch) -> None:
        nonlocal failures, finished
        if batch.partition == 1 and batch.first_offset >= 100:
            failures += 1
            raise ConnectionResetError
        if batch.partition == 1:
            finished = batch.next_offset

    consumer = await run({POSTS: process})
    posts = pipeline.topic(POSTS)

    async def committed() -> dict[int, int]:
        offsets = await consumer.seek_to_committed()
        return {tp.partition: offset for tp, offset in offsets.items() if tp.topic == posts}

    await until("failures", lambda: failures >= 2)
    await until("a commit", lambda: not consumer._ledger.committable())
    found = await committed()
    assert found[0] == 500
    assert found[1] == finished > 0
