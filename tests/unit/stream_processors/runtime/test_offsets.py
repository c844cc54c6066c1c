"""The ledger of offsets against a model of it: any order of fetches, batches, rebalances and commits."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stream_processors.runtime.batches import Record, RecordBatch
from stream_processors.runtime.offsets import BatchLimits, OffsetLedger, Partition
from tests.unit.stream_processors.records import record

#: What a record takes in memory beside its value, as the ledger counts it.
_OVERHEAD = 64
PARTITIONS: list[Partition] = [("chunks", 0), ("posts", 0), ("posts", 1)]
partitions = st.sampled_from(PARTITIONS)


def _size(records: list[Record]) -> int:
    return sum(len(record.value or b"") + _OVERHEAD for record in records)


@dataclass
class _Owned:
    """One assignment of a partition: everything since `begin`."""

    start: int
    """Index into the log."""
    fetched: int = 0
    """So many records from there on were added."""
    batches: list[RecordBatch] = field(default_factory=list)
    finished: int = 0
    """So many of the batches are: no two are under way at once, so it is always a prefix."""
    acknowledged: int | None = None

    @property
    def delivered(self) -> list[Record]:
        return [record for batch in self.batches for record in batch]

    @property
    def under_way(self) -> RecordBatch | None:
        return self.batches[-1] if self.finished < len(self.batches) else None

    @property
    def end(self) -> int | None:
        return self.batches[self.finished - 1].next_offset if self.finished else None


class LedgerAgainstModel(RuleBasedStateMachine):
    @initialize(
        max_records=st.integers(1, 5),
        max_bytes=st.integers(1, 700) | st.just(100_000),
        buffered_batches=st.integers(1, 3),
    )
    def start(self, **limits: int) -> None:
        self.limits = BatchLimits(**limits)
        self.ledger = OffsetLedger(self.limits)
        self.logs: dict[Partition, list[Record]] = {partition: [] for partition in PARTITIONS}
        self.owned: dict[Partition, _Owned] = {}
        self.committed: dict[Partition, int] = {}
        self.all_batches: list[RecordBatch] = []
        self.orphans: list[RecordBatch] = []
        self.commit_under_way: dict[Partition, int] | None = None

    def waiting(self, partition: Partition) -> list[Record]:
        owned = self.owned[partition]
        first = owned.start + len(owned.delivered)
        return self.logs[partition][first : owned.start + owned.fetched]

    @rule(
        partition=partitions,
        # Compaction and transactions leave gaps.
        appended=st.lists(st.tuples(st.integers(1, 3), st.none() | st.integers(0, 400)), max_size=12),
    )
    def produce(self, partition: Partition, appended: list[tuple[int, int | None]]) -> None:
        log = self.logs[partition]
        for step, length in appended:
            offset = log[-1].offset + step if log else step - 1
            value = None if length is None else bytes(length)
            log.append(record(offset, value, topic=partition[0], partition=partition[1]))

    @rule(partition=partitions)
    def begin(self, partition: Partition) -> None:
        """Also without a revocation before, as after a rebalance that left the partition here."""
        self.give_up(partition)
        offset = self.committed.get(partition)
        log = self.logs[partition]
        start = next((i for i, record in enumerate(log) if record.offset >= (offset or 0)), len(log))
        self.ledger.begin(partition, offset)
        self.owned[partition] = _Owned(start)

    @rule(lost=st.sets(partitions))
    def revoke(self, lost: set[Partition]) -> None:
        self.ledger.revoke(lost)
        for partition in lost:
            self.give_up(partition)

    def give_up(self, partition: Partition) -> None:
        owned = self.owned.pop(partition, None)
        if owned is not None and owned.under_way is not None:
            self.orphans.append(owned.under_way)

    @rule(partition=partitions, count=st.integers(0, 12), again=st.integers(0, 3))
    def fetch(self, partition: Partition, count: int, again: int) -> None:
        """The next records, some of those before them once more."""
        owned = self.owned.get(partition)
        if owned is None:
            assert self.ledger.add(partition, self.logs[partition][:count]) == 0
            return
        position = owned.start + owned.fetched
        fresh = self.logs[partition][position : position + count]
        repeated = self.logs[partition][max(owned.start, position - again) : position]
        assert self.ledger.add(partition, [*repeated, *fresh]) == len(fresh)
        owned.fetched += len(fresh)

    @rule()
    def cut(self) -> None:
        waiting = {partition: self.waiting(partition) for partition in self.owned}
        free = {p for p, owned in self.owned.items() if owned.under_way is None and waiting[p]}
        batches = self.ledger.cut()
        # Each partition that can be served is, whatever the others have waiting.
        assert {(batch.topic, batch.partition) for batch in batches} == free
        assert len(batches) == len(free)
        for batch in batches:
            partition = (batch.topic, batch.partition)
            records = list(batch)
            size = len(records)
            # What comes next, in order: nothing twice, nothing left out.
            assert records == waiting[partition][:size]
            assert size <= self.limits.max_records
            assert size == 1 or _size(records) <= self.limits.max_bytes
            following = waiting[partition][: size + 1]
            if size < self.limits.max_records and len(following) > size:
                assert _size(following) > self.limits.max_bytes, "cut although more would have fitted"
            assert (batch.first_offset, batch.next_offset) == (records[0].offset, records[-1].offset + 1)
            assert len(batch) == size
            self.owned[partition].batches.append(batch)
            self.all_batches.append(batch)

    @rule(data=st.data())
    @precondition(lambda self: any(owned.under_way for owned in self.owned.values()))
    def start_batch(self, data: Any) -> None:
        batch = data.draw(st.sampled_from([o.under_way for o in self.owned.values() if o.under_way]))
        batch.started = True

    @rule(data=st.data())
    @precondition(lambda self: any(owned.under_way for owned in self.owned.values()))
    def finish(self, data: Any) -> None:
        owned = data.draw(st.sampled_from([o for o in self.owned.values() if o.under_way]))
        owned.under_way.finish()
        owned.finished += 1

    @rule(data=st.data())
    @precondition(lambda self: any(batch not in self.current() for batch in self.all_batches))
    def finish_without_effect(self, data: Any) -> None:
        """Once more, or after the partition has gone, be it back by now or not: the invariants must stay."""
        data.draw(st.sampled_from([b for b in self.all_batches if b not in self.current()])).finish()

    def current(self) -> list[RecordBatch]:
        return [owned.under_way for owned in self.owned.values() if owned.under_way is not None]

    @rule()
    def begin_commit(self) -> None:
        self.commit_under_way = self.ledger.committable()
        self.committed.update(self.commit_under_way)

    @rule()
    @precondition(lambda self: self.commit_under_way is not None)
    def acknowledge_commit(self) -> None:
        """Whatever has happened since it began."""
        assert self.commit_under_way is not None
        self.ledger.committed(self.commit_under_way)
        for partition, offset in self.commit_under_way.items():
            owned = self.owned.get(partition)
            if owned is not None and owned.end == offset:
                owned.acknowledged = offset
        self.commit_under_way = None

    @invariant()
    def committable_is_the_end_of_the_finished_prefix(self) -> None:
        expected = {
            partition: owned.end
            for partition, owned in self.owned.items()
            if owned.end is not None and owned.end != owned.acknowledged
        }
        assert self.ledger.committable() == expected

    @invariant()
    def fetching_pauses_where_enough_waits(self) -> None:
        saturated = self.ledger.saturated()
        factor = self.limits.buffered_batches
        for partition in self.owned:
            waiting = self.waiting(partition)
            full = (
                len(waiting) >= factor * self.limits.max_records
                or _size(waiting) >= factor * self.limits.max_bytes
            )
            assert (partition in saturated) == full
        assert saturated <= self.owned.keys()

    @invariant()
    def under_way_is_what_agents_have_begun(self) -> None:
        assert {id(batch) for batch in self.ledger.under_way()} == {
            id(batch) for batch in self.current() if batch.started
        }

    @invariant()
    def batches_know_that_their_partition_is_gone(self) -> None:
        assert all(batch.revoked for batch in self.orphans)
        assert not any(batch.revoked for batch in self.current())

    def teardown(self) -> None:
        """Whatever has happened, working on leads to the end of all that was fetched."""
        if not hasattr(self, "ledger"):
            return
        while any(owned.under_way or self.waiting(p) for p, owned in self.owned.items()):
            self.cut()
            for owned in self.owned.values():
                if owned.under_way:
                    owned.under_way.finish()
                    owned.finished += 1
            self.committable_is_the_end_of_the_finished_prefix()
        for partition, owned in self.owned.items():
            log = self.logs[partition][owned.start : owned.start + owned.fetched]
            assert owned.delivered == log


TestLedgerAgainstModel = LedgerAgainstModel.TestCase
TestLedgerAgainstModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_memory_is_bounded_by_the_limits_and_one_fetch() -> None:
    """As the consumer works: it fetches a partition only while that is not saturated."""
    limits = BatchLimits(max_records=10, max_bytes=10_000)
    ledger = OffsetLedger(limits)
    ledger.begin(("posts", 0), None)
    offset = 0
    while not ledger.saturated():
        ledger.add(("posts", 0), [record(offset + n, bytes(5_000)) for n in range(3)])
        offset += 3
    assert offset <= 2 * 2 + 3
    # A batch out, with nobody to finish it: the partition waits, and no more of it comes.
    assert [len(batch) for batch in ledger.cut()] == [1]
    assert ledger.cut() == []
    assert ledger.saturated() == {("posts", 0)}


def test_a_partition_is_saturated_at_the_limit_not_behind_it() -> None:
    ledger = OffsetLedger(BatchLimits(max_records=2, max_bytes=10_000, buffered_batches=2))
    ledger.begin(("posts", 0), 0)
    ledger.add(("posts", 0), [record(offset) for offset in range(3)])
    assert ledger.saturated() == set()
    ledger.add(("posts", 0), [record(3)])
    assert ledger.saturated() == {("posts", 0)}


def test_a_topic_may_have_limits_of_its_own_and_says_when_it_is_at_work() -> None:
    ledger = OffsetLedger(BatchLimits(max_records=5, max_bytes=100_000))
    for topic in ("posts", "replay"):
        ledger.begin((topic, 0), 0)
        ledger.add((topic, 0), [record(offset, topic=topic) for offset in range(6)])
    ledger.limit("replay", BatchLimits(max_records=2, max_bytes=100_000))

    assert {batch.topic: len(batch) for batch in ledger.cut()} == {"posts": 5, "replay": 2}
    assert ledger.saturated() == {("replay", 0)}
    assert ledger.at_work(["posts"])
    assert not ledger.at_work(["chunks"])


def test_a_topic_is_at_work_until_the_last_of_its_records_is_finished() -> None:
    ledger = OffsetLedger(BatchLimits(max_records=5, max_bytes=100_000))
    ledger.begin(("posts", 0), 0)
    assert not ledger.at_work(["posts"])
    ledger.add(("posts", 0), [record(0, topic="posts")])
    assert ledger.at_work(["posts"])
    (batch,) = ledger.cut()
    assert ledger.at_work(["posts"])
    batch.finish()
    assert not ledger.at_work(["posts"])


def test_what_is_skipped_is_committed_behind_what_was_taken_before_it() -> None:
    ledger = OffsetLedger(BatchLimits(max_records=5, max_bytes=100_000))
    place = ("posts", 0)
    ledger.begin(place, 3)
    ledger.skip_to(place, 10)
    assert ledger.committable() == {place: 10}
    assert not ledger.is_busy(place)

    ledger.add(place, [record(10)])
    assert ledger.is_busy(place)
    (batch,) = ledger.cut()
    ledger.skip_to(place, 20)
    # Record 10 is not finished.
    assert ledger.committable() == {place: 10}
    batch.finish()
    assert ledger.committable() == {place: 11}
    assert ledger.add(place, [record(19), record(20)]) == 1
