"""How much of the log a replay would cover."""

import asyncio
import threading

from confluent_kafka import Consumer

from postpulse.collections import Document
from postpulse.kafka.connection import client_config
from postpulse.kafka.spans import find_spans
from postpulse.settings import KafkaSettings
from postpulse.topics import POSTS, topic_name


class Coverage:
    """Asks the brokers, with a client that is made when first used."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: Consumer | None = None
        self._lock = threading.Lock()

    async def of(self, replay: Document) -> list[Document]:
        """The spans that a replay would have now.

        Raises:
            KafkaException: the brokers could not be asked.
            UnknownPartitionError: it names a partition that is not there.
        """
        return await asyncio.to_thread(self._find, replay)

    async def close(self) -> None:
        if self._consumer is not None:
            await asyncio.to_thread(self._consumer.close)

    def _find(self, replay: Document) -> list[Document]:
        with self._lock:
            if self._consumer is None:
                # Required by the client; no group is joined.
                group = {"group.id": "postpulse-query-api", "enable.auto.commit": False}
                self._consumer = Consumer({**client_config(self._settings, "postpulse-query-api"), **group})
            return find_spans(self._consumer, topic_name(POSTS, self._settings), replay)
