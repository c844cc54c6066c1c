"""A batch in which records fail for good: those are given up, all others processed, each with its own part."""

import random
from collections import Counter
from collections.abc import Callable
from math import log2

import pytest
from structlog.testing import capture_logs

from postpulse.kafka.publisher import RecordTooLargeError
from postpulse.settings import WorkerSettings
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.retries import Safeguards, work
from stream_processors.runtime.transport import BatchConsumer
from tests.unit.stream_processors.records import record
from tests.unit.stream_processors.runtime.test_retries import at_once as at_once
from tests.unit.stream_processors.runtime.test_retries import consumer as consumer

pytestmark = pytest.mark.usefixtures("at_once")
_POSTS = ("posts", 0)


class Stage:
    """Records what was done with each offset; some of them fail."""

    def __init__(self, *bad: int, error: Callable[[], Exception] = ValueError) -> None:
        self.bad = set(bad)
        self.error = error
        self.done: list[int] = []
        self.given_up: dict[int, Exception] = {}
        self.tried: Counter[int] = Counter()
        self.calls = 0

    async def process(self, batch: RecordBatch) -> None:
        self.calls += 1
        offsets = [each.offset for each in batch]
        if batch.given_up is not None:
            (offset,) = offsets
            self.given_up[offset] = batch.given_up
        else:
            self.tried.update(offsets)
            if self.bad.intersection(offsets):
                raise self.error()
        self.done += offsets


def fetched(consumer: BatchConsumer, count: int, first: int = 0) -> RecordBatch:
    consumer._ledger._limits = consumer._ledger._limits.__class__(1000, 1_000_000)
    consumer._ledger.add(_POSTS, [record(first + n, topic="posts") for n in range(count)])
    (batch,) = consumer._ledger.cut()
    return batch


def safeguards(**settings: float) -> Safeguards:
    made = Safeguards(WorkerSettings.model_validate(settings))
    made.add_stage("test")
    return made


@pytest.mark.parametrize("bad", [0, 37, 50, 99])
async def test_one_bad_record_is_found_and_all_others_are_done_once(
    consumer: BatchConsumer, bad: int
) -> None:
    stage = Stage(bad)
    batch = fetched(consumer, 100)
    await work(consumer, batch, "test", stage.process, safeguards())
    # In order, each once: every part is a range of its own behind the one before.
    assert stage.done == list(range(100))
    assert list(stage.given_up) == [bad]
    assert consumer._ledger.committable() == {_POSTS: 100}
    # What stood beside it longest was tried that often; most much less.
    assert stage.tried[bad] <= log2(100) + 2
    assert stage.calls <= 2 * (log2(100) + 2)
    assert sum(stage.tried.values()) <= 3.1 * 100


async def test_several_bad_ones_with_gaps_between_the_offsets(consumer: BatchConsumer) -> None:
    generator = random.Random(5)
    offsets = sorted(generator.sample(range(1000), 200))
    bad = generator.sample(offsets, 7)
    stage = Stage(*bad, error=lambda: RecordTooLargeError("too large"))
    consumer._ledger._limits = consumer._ledger._limits.__class__(1000, 1_000_000)
    consumer._ledger.add(_POSTS, [record(offset, topic="posts") for offset in offsets])
    (batch,) = consumer._ledger.cut()
    await work(consumer, batch, "test", stage.process, safeguards())
    assert stage.done == offsets
    assert sorted(stage.given_up) == sorted(bad)


async def test_a_lone_record_has_a_second_chance(consumer: BatchConsumer) -> None:
    stage = Stage(0)

    def once() -> Exception:
        stage.bad.clear()
        return ValueError("but once")

    stage.error = once
    await work(consumer, fetched(consumer, 1), "test", stage.process, safeguards())
    assert (stage.done, stage.given_up) == ([0], {})


async def test_a_record_is_given_up_again_and_again_until_that_is_confirmed(consumer: BatchConsumer) -> None:
    """The broker or MongoDB may be away just then; whatever the failure is, the record stays given up."""
    stage = Stage(1)
    failures: list[Exception] = [ConnectionResetError(), ValueError("a bug in giving up")]

    async def process(batch: RecordBatch) -> None:
        if batch.given_up is not None and failures:
            raise failures.pop()
        await stage.process(batch)

    await work(consumer, fetched(consumer, 4), "test", process, safeguards())
    assert not failures
    assert (stage.done, list(stage.given_up)) == ([0, 1, 2, 3], [1])


async def test_a_run_of_failures_stops_the_partition_until_they_work(consumer: BatchConsumer) -> None:
    guards = safeguards(max_failed_run=3)
    stage = Stage(*range(2, 9))
    seen: list[dict[str, str]] = []

    async def process(batch: RecordBatch) -> None:
        seen.append(guards.stopped())
        if len(seen) > 60:
            stage.bad.clear()
        await stage.process(batch)

    with capture_logs() as logs:
        await work(consumer, fetched(consumer, 10), "test", process, guards)
    # Three given up, and then no more, however often the next one was tried.
    assert list(stage.given_up) == [2, 3, 4]
    assert stage.done == list(range(10))
    stopped = [each for each in seen if each]
    assert len(stopped) > 30
    assert all("worker.max_failed_run" in reason["test/0"] for reason in stopped)
    assert all("ValueError" in reason["test/0"] for reason in stopped)
    # It says so once, and takes it back.
    assert len([entry for entry in logs if entry["event"].startswith("partition stopped")]) == 1
    assert guards.stopped() == {}


async def test_a_stopped_partition_that_goes_is_stopped_no_more(consumer: BatchConsumer) -> None:
    guards = safeguards(max_failed_run=1)
    stage = Stage(0, 1)

    def fails() -> Exception:
        if guards.stopped():
            consumer._ledger.revoke([_POSTS])
        return ValueError()

    stage.error = fails
    await work(consumer, fetched(consumer, 2), "test", stage.process, guards)
    assert list(stage.given_up) == [0]
    assert guards.stopped() == {}
    assert consumer._ledger.committable() == {}
