"""Follows `post-analyses.v1` from its end and tells which posts have news. One thread, no consumer group."""

import asyncio
import threading
import time
from collections.abc import Callable

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from postpulse.kafka.connection import client_config
from postpulse.settings import KafkaSettings
from query_api.live.connection import Connection, connection_from

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.2
_BATCH = 500
_RETRY_SECONDS = 1.0
_ASK_SECONDS = 2.0
#: The place in the log is lost: the topic was deleted, made anew, or cleaned up to behind where we read.
_PLACE_LOST = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._AUTO_OFFSET_RESET,
)


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._last_poll_at = time.monotonic()
        self._complaint: str | None = None
        self.following = False
        """Whether the end of every partition was found, and the topic is read from there."""
        self.connection = Connection()
        """What is known of the connection to the brokers, at most two seconds old while polls go on."""

    def start(self) -> None:
        """Begin to follow; does not wait for a broker.

        Raises:
            KafkaException: the settings are none that the client can use.
        """
        self._loop = asyncio.get_running_loop()
        consumer = Consumer(
            {
                **client_config(self._settings, "postpulse-query-api"),
                # Required by the client; nothing is ever committed and no group is joined.
                "group.id": "postpulse-query-api",
                "enable.auto.commit": False,
                # A place that is no longer there is for us to notice: waiting requests must look again.
                "auto.offset.reset": "error",
                # Only keys are looked at: keep little in memory.
                "queued.max.messages.kbytes": 4096,
                "statistics.interval.ms": 1000,
                "stats_cb": self._on_statistics,
            }
        )
        self._thread = threading.Thread(target=self._run, args=(consumer,), name="feed", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the thread; takes as long as a question to a broker that is away, at most."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    @property
    def seconds_since_poll(self) -> float:
        return time.monotonic() - self._last_poll_at

    # What follows runs in the feed's thread.

    def _run(self, consumer: Consumer) -> None:
        try:
            while not self._stop.is_set():
                try:
                    if self.following:
                        self._poll(consumer)
                    else:
                        self._find_end(consumer)
                except KafkaException as exc:
                    self._complain(exc.args[0].str())
                    self._stop.wait(_RETRY_SECONDS)
        except Exception:
            # Health says so from here on: no more polls.
            log.exception("the feed ended; restart the service")
        finally:
            self.following = False
            consumer.close()

    def _find_end(self, consumer: Consumer) -> None:
        metadata = consumer.list_topics(self._topic, timeout=_ASK_SECONDS).topics[self._topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        # The ends as they are now: a record that comes before the first fetch must not be passed over.
        ends = [TopicPartition(self._topic, partition) for partition in metadata.partitions]
        for end in ends:
            end.offset = consumer.get_watermark_offsets(end, timeout=_ASK_SECONDS)[1]
        consumer.assign(ends)
        self.following = True
        if self._complaint is not None:
            log.info("the feed follows its topic", topic=self._topic)
            self._complaint = None
        self._tell(None)

    def _poll(self, consumer: Consumer) -> None:
        # `consume` alone would wait for a full batch until its time is over; `poll` returns with the first record.
        first = consumer.poll(_POLL_SECONDS)
        self._last_poll_at = time.monotonic()
        if first is None:
            return
        post_ids: list[str] = []
        for message in (first, *consumer.consume(_BATCH, timeout=0)):
            error = message.error()
            if error is None:
                post_ids.append((message.key() or b"").decode(errors="replace"))
            elif error.code() in _PLACE_LOST:
                self.following = False
                self._complain(error.str())
            else:
                log.warning("the feed failed for a moment", reason=error.str())
        if post_ids:
            self._tell(post_ids)

    def _on_statistics(self, statistics: str) -> None:
        self.connection = connection_from(statistics, self._topic)

    def _complain(self, reason: str) -> None:
        # Once for each reason, however often it is tried.
        if reason != self._complaint:
            self._complaint = reason
            log.warning("the feed does not follow its topic", topic=self._topic, reason=reason)

    def _tell(self, post_ids: list[str] | None) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._notify, post_ids)
