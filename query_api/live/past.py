"""Reads what lies between two places of `post-analyses.v1`, page by page, for streams that come back."""

import asyncio
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from postpulse.kafka.connection import client_config
from postpulse.settings import KafkaSettings
from query_api.live.filters import Filters
from query_api.live.outlet import Chunk
from query_api.live.position import Position
from query_api.live.records import Record, frame

#: Pages that are read at the same time; whoever comes later waits in line.
_READERS = 4
#: Where a page ends, by what it has; one record more at most.
_PAGE_RECORDS = 500
_PAGE_BYTES = 256 * 1024
#: And by the time that it may take, so that the others in line have their turn.
_PAGE_SECONDS = 5.0
_POLL_SECONDS = 0.1
PLACE_LOST = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._AUTO_OFFSET_RESET,
)
#: After a restart many readers come back to the same place: what was read for one of them is there for the others,
#: and of each page so many forms that it was written in.
_KEPT_PAGES = 16
_KEPT_SECONDS = 10.0
_KEPT_CHUNKS = 4

#: A `Position`, to look a page up by.
Place = tuple[bytes, tuple[int, ...]]


class PlaceLostError(Exception):
    """The log does not have the place any more, or is another one."""


class Page:
    """Records that lie behind one place of the log.

    Attributes:
        records: in order within a partition.
        behind: the place behind them.
    """

    def __init__(self, since: Position, records: list[Record], behind: Position) -> None:
        self.records = records
        self.behind = behind
        self._since = since
        self._chunks: dict[Filters, Chunk] = {}

    def told(self, filters: Filters) -> Chunk:
        """The events of those for which the filters hold; written once for all streams that have the same."""
        chunk = self._chunks.get(filters)
        if chunk is None:
            chunk = self._written(filters)
            if len(self._chunks) < _KEPT_CHUNKS:
                self._chunks[filters] = chunk
        return chunk

    def _written(self, filters: Filters) -> Chunk:
        at, told_id = self._since.copy(), None
        frames: list[bytes] = []
        for record in self.records:
            at.offsets[record.partition] = record.offset + 1
            if record.body and filters.match(record.analysis):
                told_id = at.id
                frames.append(frame(told_id, record.body))
        return Chunk(frames, told_id, len(frames))


class Past:
    """A few consumers without a group, made when first needed and kept.

    Args:
        topic: with the prefix in force.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._turn = asyncio.Semaphore(_READERS)
        self._idle: list[Consumer] = []
        self._kept: dict[Place, Page] = {}
        self._stop = threading.Event()

    async def page(self, since: Position, until: Position) -> Page:
        """Records between two places of the log.

        There may be none, and the place behind them the first one, where the brokers do not answer in time.

        Raises:
            PlaceLostError: the first place is not in the log.
        """
        async with self._turn:
            place = (since.log, tuple(since.offsets))
            page = self._kept.get(place)
            if page is None or until.before(page.behind):
                # In a thread, and finished there whatever happens to the one who asks: the consumer is in use.
                page = await asyncio.to_thread(self._page, since.copy(), until)
                self._keep(place, page)
            return page

    def _keep(self, place: Place, page: Page) -> None:
        if page.records and len(self._kept) < _KEPT_PAGES:
            self._kept[place] = page
            asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._kept.pop, place, None)

    def stop(self) -> None:
        """Let pages under way end at once."""
        self._stop.set()

    async def close(self) -> None:
        for consumer in self._idle:
            await asyncio.to_thread(consumer.close)
        self._idle.clear()

    # What follows runs in threads.

    def _page(self, since: Position, until: Position) -> Page:
        if self._stop.is_set():
            return Page(since, [], since)
        # One thread a consumer: `list` hands each out once.
        consumer = self._idle.pop() if self._idle else self._new_consumer()
        at = since.copy()
        try:
            records = self._read(consumer, at, until)
            consumer.unassign()
        except KafkaException:
            # As good as no answer: the next page has a new one.
            consumer.close()
            return Page(since, [], since)
        except BaseException:
            consumer.close()
            raise
        self._idle.append(consumer)
        return Page(since, records, at)

    def _read(self, consumer: Consumer, at: Position, until: Position) -> list[Record]:
        """Read on from a place, which is moved along."""
        left = at.before(until)
        consumer.assign(
            [TopicPartition(self._topic, partition, first) for partition, (first, _) in left.items()]
        )
        deadline = time.monotonic() + _PAGE_SECONDS
        records: list[Record] = []
        size = 0
        while left and len(records) < _PAGE_RECORDS and size < _PAGE_BYTES:
            if self._stop.is_set() or time.monotonic() > deadline:
                break
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                continue
            partition, offset, error = message.partition(), message.offset(), message.error()
            if partition is None or offset is None or partition not in left:
                if error is not None and error.code() in PLACE_LOST:
                    raise PlaceLostError(error.str())
                continue
            if error is not None:
                if error.code() in PLACE_LOST:
                    raise PlaceLostError(error.str())
                # The end that a broker knows may lie before the one that is asked for, after a change of leaders.
                if error.code() == KafkaError._PARTITION_EOF and offset >= left[partition][1]:
                    _finish(at, left, partition)
                continue
            if offset < left[partition][1]:
                record = Record(partition, offset, message.key(), message.value())
                record.read()
                records.append(record)
                size += record.size
                at.offsets[partition] = offset + 1
            # Compaction may have taken the last ones away.
            if offset + 1 >= left[partition][1]:
                _finish(at, left, partition)
        return records

    def _new_consumer(self) -> Consumer:
        return Consumer(
            {
                **client_config(self._settings, "postpulse-query-api"),
                # Required by the client; nothing is ever committed and no group is joined.
                "group.id": "postpulse-query-api",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                # A broker answers one request after the other: one that waits for news holds up the next page.
                "fetch.wait.max.ms": 5,
                # A page needs no more, and what is fetched beyond it is thrown away.
                "queued.max.messages.kbytes": 1024,
                "max.partition.fetch.bytes": 128 * 1024,
            }
        )


def _finish(at: Position, left: dict[int, tuple[int, int]], partition: int) -> None:
    at.offsets[partition] = left.pop(partition)[1]
