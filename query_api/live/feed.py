"""Follows `post-analyses.v1` from its end and tells which posts have news. One thread, no consumer group."""

import asyncio
import threading
import time
from collections.abc import Callable

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from postpulse.kafka.connection import client_config
from postpulse.settings import KafkaSettings

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.2
_BATCH = 500
_RETRY_SECONDS = 1.0


class Feed:
    """Calls back in the event loop, once a poll, with the post_ids of the records that came.

    Also, with None, when it begins to follow: what came before then was not seen.

    Args:
        settings: where the brokers are.
        topic: with the prefix in force.
        notify: called in the loop in which `start` was called.
    """

    def __init__(
        self, settings: KafkaSettings, topic: str, notify: Callable[[list[str] | None], None]
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._notify = notify
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._following = threading.Event()
        self._last_poll_at = 0.0

    def start(self) -> None:
        """Begin to follow; does not wait for a broker."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="feed", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    @property
    def following(self) -> bool:
        """Whether the end of every partition was found and the topic is read."""
        return self._following.is_set()

    @property
    def seconds_since_poll(self) -> float:
        return time.monotonic() - self._last_poll_at

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = Consumer(
            {
                **client_config(self._settings, "postpulse-query-api"),
                # Required by the client; nothing is ever committed and no group is joined.
                "group.id": "postpulse-query-api",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "fetch.wait.max.ms": 100,
            }
        )
        try:
            while not self._stop.is_set():
                if self._following.is_set():
                    self._poll(consumer, loop)
                elif self._assign(consumer):
                    self._tell(loop, None)
                else:
                    self._stop.wait(_RETRY_SECONDS)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> bool:
        try:
            metadata = consumer.list_topics(self._topic, timeout=5).topics[self._topic]
            if metadata.error is not None:
                log.warning("the feed waits for its topic", topic=self._topic, reason=metadata.error.str())
                return False
            ends = [TopicPartition(self._topic, partition, OFFSET_END) for partition in metadata.partitions]
            # The ends as they are now: a record that comes before the first fetch must not be passed over.
            for partition in ends:
                partition.offset = consumer.get_watermark_offsets(partition, timeout=5)[1]
            consumer.assign(ends)
        except KafkaException as exc:
            log.warning("the feed waits for a broker", reason=exc.args[0].str())
            return False
        self._following.set()
        return True

    def _poll(self, consumer: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        post_ids: list[str] = []
        for message in consumer.consume(_BATCH, timeout=_POLL_SECONDS):
            error = message.error()
            if error is None:
                post_ids.append((message.key() or b"").decode(errors="replace"))
            elif error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION):
                # The topic was deleted; find it again when it is back.
                self._following.clear()
            else:
                log.warning("the feed failed for a moment", reason=error.str())
        self._last_poll_at = time.monotonic()
        if post_ids:
            self._tell(loop, post_ids)

    def _tell(self, loop: asyncio.AbstractEventLoop, post_ids: list[str] | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._notify, post_ids)
