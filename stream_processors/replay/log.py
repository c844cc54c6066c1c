"""`posts.v1` read again, spans of it, beside whoever else reads it. Everything here blocks."""

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from postpulse.collections import Document
from postpulse.kafka.admin import AdminError, admin_client, existing_topics
from postpulse.kafka.connection import client_config
from postpulse.kafka.lag import Place, bounds
from postpulse.kafka.spans import find_spans
from postpulse.settings import KafkaSettings
from postpulse.topics import POSTS, POSTS_REPLAY, topic_name

_POLL_SECONDS = 0.2
#: Records between two wanted ones that are read rather than jumped over.
_NEAR = 50


class PostsLog:
    """A consumer without a group; one method at a time, also where a thread outlives who waited for it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = admin_client(settings)
        self._topic = topic_name(POSTS, settings)
        self._copies = topic_name(POSTS_REPLAY, settings)
        self._consumer = Consumer(
            {
                **client_config(settings, "postpulse-replay"),
                # Required by the client; nothing is ever committed and no group is joined.
                "group.id": "postpulse-replay",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                # As the workers read it.
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": 8192,
                # So little that partitions take turns, and with them the workers that look at the copies.
                "max.partition.fetch.bytes": 65_536,
                "fetch.wait.max.ms": 50,
            }
        )
        self._places: list[Place] = []
        """Partitions of posts-replay.v1, once they are known."""
        self._at: dict[int, int] = {}
        """What is read: partition -> the offset that comes next."""
        self._lock = threading.Lock()

    def spans(self, replay: Document) -> list[Document]:
        """What a replay covers, as the log stands now.

        Raises:
            KafkaException: the brokers could not be asked; so do the other methods.
        """
        with self._lock:
            return find_spans(self._consumer, self._topic, replay)

    def ends(self) -> dict[int, tuple[int, int]]:
        """The first offset and the end of each partition of posts-replay.v1.

        Raises:
            AdminError: the brokers could not be asked.
        """
        # Not by the consumer: what it asks waits behind its fetches, which wait for records.
        if not self._places:
            found = existing_topics(self._admin, self._settings)
            if self._copies not in found:
                raise AdminError(f"there is no topic {self._copies}; `postpulse topics apply` creates it")
            self._places = [(self._copies, partition) for partition in found[self._copies].partitions]
        return {partition: found for (_, partition), found in bounds(self._admin, self._places).items()}

    def read(
        self, spans: Sequence[Document], places: Mapping[str, Sequence[int]] | None, most: int
    ) -> tuple[list[Message], dict[int, int]]:
        """The next records of spans, of all partitions in turn; fewer, or none, where they do not come at once.

        Args:
            places: the only offsets to read, ascending, by partition; all of the spans where it is None.
            most: records.

        Returns:
            The records, and where spans go on: index -> offset.
        """
        with self._lock:
            return self._read([_Open.of(span, places) for span in spans], most)

    def _read(self, spans: "list[_Open]", most: int) -> tuple[list[Message], dict[int, int]]:
        left = {span.partition: span for span in spans if not span.is_done}
        self._go_to({partition: span.at for partition, span in left.items()})
        found: list[Message] = []
        deadline = time.monotonic() + _POLL_SECONDS
        while left and len(found) < most and (patience := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(patience)
            if message is None:
                break
            error: Any = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            span = left.get(partition)
            if error is not None:
                # What is missing before the end was compacted away, or is no record. The end lies below that of
                # the span while a transaction is open: then it is looked for again.
                self._at.pop(partition, None)
                if span is not None:
                    span.go_on(offset)
            else:
                self._at[partition] = offset + 1
                if span is not None:
                    if span.takes(offset):
                        found.append(message)
                    span.go_on(offset + 1)
                    if not span.is_done and span.at - offset > _NEAR:
                        self._consumer.seek(TopicPartition(self._topic, partition, span.at))
                        self._at[partition] = span.at
            if span is not None and span.is_done:
                del left[partition]
        return found, {index: span.at for index, span in enumerate(spans)}

    def close(self) -> None:
        with self._lock:
            self._consumer.close()

    def _go_to(self, places: Mapping[int, int]) -> None:
        """Read these partitions, each from an offset on, unless that is what is being read."""
        going = places.keys() == self._at.keys() and all(
            0 <= at - self._at[partition] <= _NEAR for partition, at in places.items()
        )
        if not going:
            self._consumer.assign(
                [TopicPartition(self._topic, partition, at) for partition, at in places.items()]
            )
            self._at = dict(places)


class _Open:
    """What is left of a span."""

    def __init__(self, partition: int, at: int, end: int, wanted: Sequence[int] | None) -> None:
        self.partition = partition
        self.at = at
        self._end = end
        self._wanted = wanted
        self.go_on(at)

    @classmethod
    def of(cls, span: Document, places: Mapping[str, Sequence[int]] | None) -> "_Open":
        partition = int(span["partition"])
        wanted = places.get(str(partition), ()) if places is not None else None
        return cls(partition, int(span["next"]), int(span["to"]), wanted)

    @property
    def is_done(self) -> bool:
        return self.at >= self._end

    def takes(self, offset: int) -> bool:
        """Whether the record there is wanted, and not passed yet."""
        return self.at <= offset < self._end and (self._wanted is None or offset == self.at)

    def go_on(self, offset: int) -> None:
        """Pass all below an offset, and what is not wanted behind it."""
        at = max(self.at, offset)
        if self._wanted is not None:
            following = bisect_left(self._wanted, at)
            at = self._wanted[following] if following < len(self._wanted) else self._end
        self.at = min(at, self._end)
