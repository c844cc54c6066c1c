"""A batch is tried until it is done or its partition has gone, and only then is its offset to be committed."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import faust
import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError
from structlog.testing import capture_logs

from postpulse.kafka.publisher import PublishError
from postpulse.settings import WorkerSettings
from stream_processors.runtime import transport
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.offsets import BatchLimits
from stream_processors.runtime.retries import Process, Safeguards
from stream_processors.runtime.retries import work as work_with
from stream_processors.runtime.transport import BatchConsumer, batch_transport
from stream_processors.sink.checkpoints import CheckpointMovedError
from tests.unit.stream_processors.records import record
from tests.waiting import until

_POSTS = ("posts", 0)


async def work(consumer: BatchConsumer, batch: RecordBatch, stage: str, process: Process) -> None:
    """Without guards, and with limits of its own."""
    safeguards = Safeguards(WorkerSettings())
    safeguards.add_stage(stage)
    await work_with(consumer, batch, stage, process, safeguards)


@pytest.fixture
async def consumer(tmp_path: Path) -> AsyncIterator[BatchConsumer]:
    """The consumer as an app makes it, which has not connected to anything."""
    app = faust.App("retries", broker="kafka://127.0.0.1:1", store="memory://", datadir=tmp_path)
    app.transport = batch_transport(app, app.conf.broker_consumer, BatchLimits(10, 1000), 0.0)
    made = cast(BatchConsumer, app.consumer)
    made._ledger.begin(_POSTS, 0)
    yield made
    # Of the thread that was never started.
    made._thread.thread_loop.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of no length: the logs tell how long they would have been."""
    monkeypatch.setattr(random, "uniform", lambda low, high: 0.0)


def next_batch(consumer: BatchConsumer, *offsets: int) -> RecordBatch:
    consumer._ledger.add(_POSTS, [record(offset, topic="posts") for offset in offsets])
    (batch,) = consumer._ledger.cut()
    return batch


def failing(*errors: Exception) -> tuple[Process, list[RecordBatch]]:
    """Fails with each of the errors, then works; and the list of its calls."""
    calls: list[RecordBatch] = []
    left = list(errors)

    async def process(batch: RecordBatch) -> None:
        calls.append(batch)
        if left:
            raise left.pop(0)

    return process, calls


async def test_a_batch_that_works_is_finished_once(consumer: BatchConsumer) -> None:
    process, calls = failing()
    batch = next_batch(consumer, 0, 1)
    await work(consumer, batch, "test", process)
    assert calls == [batch]
    assert consumer._ledger.committable() == {_POSTS: 2}
    assert consumer._ledger.under_way() == []


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("primary gone"),
        ServerSelectionTimeoutError("nobody there"),
        PublishError("queue full"),
        TimeoutError(),
        ConnectionResetError(),
        CheckpointMovedError("lane/0"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.usefixtures("at_once")
async def test_whatever_fails_is_tried_again_and_never_dropped(
    consumer: BatchConsumer, error: Exception
) -> None:
    batch = next_batch(consumer, 0)
    committable: list[object] = []
    process, calls = failing(error, error)

    async def watched(batch: RecordBatch) -> None:
        committable.append(consumer._ledger.committable())
        await process(batch)

    with capture_logs() as logs:
        await work(consumer, batch, "test", watched)
    assert calls == [batch] * 3
    assert committable == [{}] * 3
    assert consumer._ledger.committable() == {_POSTS: 1}
    assert len(logs) == 2
    assert all(entry["stage"] == "test" and "posts/0" in entry["batch"] for entry in logs)


@pytest.mark.usefixtures("at_once")
async def test_pauses_grow_up_to_a_limit(consumer: BatchConsumer) -> None:
    process, _ = failing(*(TimeoutError() for _ in range(10)))
    with capture_logs() as logs:
        await work(consumer, next_batch(consumer, 0), "test", process)
    pauses = [entry["seconds"] for entry in logs]
    assert pauses[:4] == [0.05, 0.1, 0.2, 0.4]
    assert pauses[-2:] == [5.0, 5.0]


async def test_pauses_of_workers_are_spread(consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.0

    monkeypatch.setattr(random, "uniform", uniform)
    process, _ = failing(TimeoutError())
    await work(consumer, next_batch(consumer, 0), "test", process)
    ((low, high),) = asked
    assert 0 < low < high


async def test_a_batch_of_a_partition_that_has_gone_is_not_begun(consumer: BatchConsumer) -> None:
    batch = next_batch(consumer, 0)
    consumer._ledger.revoke([_POSTS])
    process, calls = failing()
    await work(consumer, batch, "test", process)
    assert calls == []
    assert not batch.started


async def test_a_batch_is_given_up_when_its_partition_goes(consumer: BatchConsumer) -> None:
    """Also when the partition is back at once: what follows belongs to the new assignment."""
    batch = next_batch(consumer, 0)

    async def process(batch: RecordBatch) -> None:
        consumer._ledger.revoke([_POSTS])
        consumer._ledger.begin(_POSTS, 0)
        raise TimeoutError

    await work(consumer, batch, "test", process)
    assert batch.revoked
    assert consumer._ledger.committable() == {}
    # Delivered again.
    assert next_batch(consumer, 0).first_offset == 0


async def test_a_batch_that_works_too_late_commits_nothing(consumer: BatchConsumer) -> None:
    async def process(batch: RecordBatch) -> None:
        consumer._ledger.revoke([_POSTS])
        consumer._ledger.begin(_POSTS, 0)

    await work(consumer, next_batch(consumer, 0), "test", process)
    assert consumer._ledger.committable() == {}


@pytest.mark.parametrize("leave", [True, False], ids=["waiting", "working"])
async def test_one_that_is_cancelled_commits_nothing_and_holds_up_no_rebalance(
    consumer: BatchConsumer, leave: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: 1000.0)
    called = asyncio.Event()

    async def process(batch: RecordBatch) -> None:
        called.set()
        if leave:
            raise TimeoutError
        await asyncio.Event().wait()

    task = asyncio.create_task(work(consumer, next_batch(consumer, 0), "test", process))
    await called.wait()
    assert [batch.started for batch in consumer._ledger.under_way()] == [True]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert consumer._ledger.under_way() == []
    assert consumer._ledger.committable() == {}


async def test_other_partitions_go_on_meanwhile(consumer: BatchConsumer) -> None:
    consumer._ledger.begin(("chunks", 0), 0)
    stuck = next_batch(consumer, 0)

    async def fails(batch: RecordBatch) -> None:
        raise TimeoutError

    task = asyncio.create_task(work(consumer, stuck, "ingest", fails))
    await until("the first failure", lambda: stuck.started)
    works, calls = failing()
    for offset in range(20):
        consumer._ledger.add(("chunks", 0), [record(offset, topic="chunks")])
        (batch,) = consumer._ledger.cut()
        await work(consumer, batch, "analyze", works)
    assert len(calls) == 20
    assert consumer._ledger.committable() == {("chunks", 0): 20}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_settling_waits_for_what_was_begun_and_for_no_more_than_the_grace(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(consumer), "rebalance_grace_seconds", 60.0)
    # There is no broker to commit to.
    monkeypatch.setattr(transport, "_COMMIT_SECONDS", 0.01)
    go_on = asyncio.Event()

    async def process(batch: RecordBatch) -> None:
        await go_on.wait()

    batch = next_batch(consumer, 0)
    working = asyncio.create_task(work(consumer, batch, "test", process))
    await until("the batch to begin", lambda: batch.started)
    settling = asyncio.create_task(consumer.settle())
    await asyncio.sleep(0)
    assert not settling.done()
    go_on.set()
    async with asyncio.timeout(20):
        await working
        await settling
    # Nobody works on the next one: it is not waited for.
    next_batch(consumer, 1)
    async with asyncio.timeout(20):
        await consumer.settle()
