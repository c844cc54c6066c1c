"""What was fetched, what is under way and what may be committed, for each partition. No I/O.

One batch of a partition is under way at a time. What follows waits here, up to a limit at which the partition is
no longer fetched: so no partition, and no topic, takes the memory or the turn of another, and the offset that may
be committed is always the end of the contiguous finished prefix.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stream_processors.runtime.batches import Record, RecordBatch

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Where a batch is cut, and how much of a partition waits in memory.

    Attributes:
        max_records: of a batch.
        max_bytes: of a batch's values; one larger record is a batch of its own.
        buffered_batches: how many such batches of a partition are held ready.
    """

    max_records: int
    max_bytes: int
    buffered_batches: int = 2


@dataclass(slots=True)
class _PartitionState:
    read_offset: int | None
    """The first offset that was not delivered yet; None before the first record."""
    finished_offset: int | None = None
    """The end of the finished prefix, until it is committed."""
    waiting: deque[Record] = field(default_factory=deque)
    waiting_bytes: int = 0
    batch: RecordBatch | None = None
    begun: bool = False
    """A batch was cut."""


class OffsetLedger:
    """Keeps the account of every owned partition."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._of_topics: dict[str, BatchLimits] = {}
        self._partitions: dict[Partition, _PartitionState] = {}

    def begin(self, partition: Partition, offset: int | None) -> None:
        """Own a partition from an offset on (None: wherever the first record stands); forgets what was before."""
        self.revoke((partition,))
        self._partitions[partition] = _PartitionState(read_offset=offset)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Own these partitions no longer. Their batches under way are marked and finish without effect."""
        for partition in partitions:
            state = self._partitions.pop(partition, None)
            if state is not None and state.batch is not None:
                state.batch.revoked = True

    def add(self, partition: Partition, records: Sequence[Record]) -> int:
        """Take fetched records, in order; those below what was taken before are dropped.

        Returns:
            How many were taken.
        """
        state = self._partitions.get(partition)
        if state is None:
            return 0
        if records and state.read_offset is not None and records[0].offset < state.read_offset:
            records = [record for record in records if record.offset >= state.read_offset]
        if records:
            state.waiting.extend(records)
            state.waiting_bytes += sum(map(_size, records))
            state.read_offset = records[-1].offset + 1
        return len(records)

    def saturated(self) -> set[Partition]:
        """Partitions of which enough waits here, so that no more should be fetched."""
        return {
            partition
            for partition, state in self._partitions.items()
            if (limits := self._limits_of(partition[0]))
            and (
                len(state.waiting) >= limits.max_records * limits.buffered_batches
                or state.waiting_bytes >= limits.max_bytes * limits.buffered_batches
            )
        }

    def limit(self, topic: str, limits: BatchLimits) -> None:
        """Cut the batches of a topic in another way than those of the others."""
        self._of_topics[topic] = limits

    def at_work(self, topics: Collection[str]) -> bool:
        """Whether records of one of the topics are under way, or wait."""
        return any(self.is_busy(partition) for partition in self._partitions if partition[0] in topics)

    def cut(self) -> list[RecordBatch]:
        """A batch of each partition that has records waiting and none under way; it then is under way."""
        batches = []
        for (topic, partition), state in self._partitions.items():
            if state.batch is None and state.waiting:
                state.batch = RecordBatch(
                    topic, partition, self._cut(state, self._limits_of(topic)), self._finish
                )
                state.batch.first, state.begun = not state.begun, True
                batches.append(state.batch)
        return batches

    def is_busy(self, partition: Partition) -> bool:
        """Whether anything of a partition is under way, or waits."""
        state = self._partitions.get(partition)
        return state is not None and (state.batch is not None or bool(state.waiting))

    def skip_to(self, partition: Partition, offset: int) -> None:
        """What stands before this offset and was not taken is not there: it counts as finished."""
        state = self._partitions.get(partition)
        if state is not None:
            state.read_offset = offset
            # Else the next batch's end will do.
            if not self.is_busy(partition):
                state.finished_offset = offset

    def under_way(self) -> list[RecordBatch]:
        """Batches that an agent has begun and not finished."""
        return [
            state.batch
            for state in self._partitions.values()
            if state.batch is not None and state.batch.started
        ]

    def committable(self) -> dict[Partition, int]:
        """The offset to commit for each partition where more is finished than committed."""
        return {
            partition: state.finished_offset
            for partition, state in self._partitions.items()
            if state.finished_offset is not None
        }

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """These offsets are committed."""
        for partition, offset in offsets.items():
            state = self._partitions.get(partition)
            if state is not None and state.finished_offset == offset:
                state.finished_offset = None

    def _limits_of(self, topic: str) -> BatchLimits:
        return self._of_topics.get(topic, self._limits)

    def _cut(self, state: _PartitionState, limits: BatchLimits) -> list[Record]:
        records = [state.waiting.popleft()]
        size = _size(records[0])
        while state.waiting and len(records) < limits.max_records:
            following = _size(state.waiting[0])
            if size + following > limits.max_bytes:
                break
            size += following
            records.append(state.waiting.popleft())
        state.waiting_bytes -= size
        return records

    def _finish(self, batch: RecordBatch) -> None:
        state = self._partitions.get((batch.topic, batch.partition))
        # A batch from before a rebalance says nothing about the partition as it is owned now.
        if state is not None and state.batch is batch:
            state.batch = None
            state.finished_offset = batch.next_offset


def _size(record: Record) -> int:
    return len(record.value or b"") + 64
