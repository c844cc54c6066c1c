"""The unit of work: what one fetch brought from one partition, cut to a size."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from postpulse.events import Headers


class Record(Protocol):
    """A record as aiokafka delivers it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class RecordBatch:
    """Records of one partition, in order, that are finished together.

    No two batches of one partition are under way at once, so an agent may work on several batches (of different
    partitions) without ever finishing one out of order.

    Attributes:
        topic, partition: where the records stood.
        records: at least one, offsets ascending; there may be gaps (compaction, transactions).
        next_offset: what is committed when the batch is finished.
    """

    __slots__ = (
        "_on_finish",
        "attempts",
        "first",
        "given_up",
        "next_offset",
        "partition",
        "records",
        "revoked",
        "started",
        "topic",
        "watched",
    )

    def __init__(
        self,
        topic: str,
        partition: int,
        records: Sequence[Record],
        on_finish: Callable[["RecordBatch"], None],
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.records = records
        self.next_offset = records[-1].offset + 1
        self.started = False
        self.revoked = False
        """The partition is no longer this worker's: whatever is left to do must not be done."""
        self.first = False
        """The first one of its partition since that was assigned to this worker."""
        self.watched = False
        """Processed with nothing beside it and under a mark: see `stream_processors.runtime.guards`."""
        self.attempts = 0
        """How often its records were tried, alone or with others."""
        self.given_up: Exception | None = None
        """Why its one record is not to be processed, but dead-lettered."""
        self._on_finish = on_finish

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    def finish(self) -> None:
        """All effects of the records are confirmed: their offsets may be committed."""
        self._on_finish(self)

    def part(self, start: int, stop: int) -> "RecordBatch":
        """Its records from one index up to another, as a batch that finishes nothing by itself."""
        part = RecordBatch(self.topic, self.partition, self.records[start:stop], _nothing)
        part.watched = self.watched
        part.attempts = self.attempts
        return part

    def __repr__(self) -> str:
        return f"<RecordBatch {self.topic}/{self.partition} {self.first_offset}..{self.next_offset - 1}>"


def _nothing(_: RecordBatch) -> None:
    pass


def header(record: Record, name: str) -> bytes | None:
    """The value of a record's header, or None."""
    return next((value for key, value in record.headers or () if key == name), None)


def copied_headers(record: Record) -> Headers:
    """The headers of a record; one without a value, which Kafka allows, as an empty one."""
    return [(key, value or b"") for key, value in record.headers or ()]
