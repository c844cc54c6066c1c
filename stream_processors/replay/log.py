"""`posts.v1` read again, span by span, beside whoever else reads it. Everything here blocks."""

import threading
import time
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
                "fetch.wait.max.ms": 50,
            }
        )
        self._places: list[Place] = []
        """Partitions of posts-replay.v1, once they are known."""
        self._at: tuple[int, int] | None = None
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

    def read(self, span: Document, wanted: list[int] | None, most: int) -> tuple[list[Message], int]:
        """The next records of a span, and where it goes on; fewer, or none, where they do not come at once.

        Args:
            wanted: the offsets to read, ascending; None where all are.
            most: records.
        """
        with self._lock:
            return self._read(span, wanted, most)

    def _read(self, span: Document, wanted: list[int] | None, most: int) -> tuple[list[Message], int]:
        partition, at, end = int(span["partition"]), int(span["next"]), int(span["to"])
        found: list[Message] = []
        deadline = time.monotonic() + _POLL_SECONDS
        while len(found) < most and at < end and time.monotonic() < deadline:
            if wanted is not None:
                at = next((offset for offset in wanted if offset >= at), end)
                if at >= end:
                    break
            self._go_to(partition, at)
            message = self._consumer.poll(max(0.0, deadline - time.monotonic()))
            if message is None:
                break
            error: Any = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    # What is missing before the end was compacted away, or is no record. The end lies below that of
                    # the span while a transaction is open.
                    eof = message.offset()
                    assert eof is not None
                    at = max(at, eof)
                    self._at = None
                    break
                raise KafkaException(error)
            offset = message.offset()
            assert offset is not None
            self._at = (partition, offset + 1)
            if offset >= at and offset < end and (wanted is None or offset in wanted):
                found.append(message)
            at = max(at, offset + 1)
        return found, min(at, end)

    def close(self) -> None:
        with self._lock:
            self._consumer.close()

    def _go_to(self, partition: int, offset: int) -> None:
        if self._at is None or self._at[0] != partition or not 0 <= offset - self._at[1] <= _NEAR:
            self._consumer.assign([TopicPartition(self._topic, partition, offset)])
            self._at = (partition, offset)
