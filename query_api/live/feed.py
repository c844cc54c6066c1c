"""Follows `post-analyses.v1` from its end and hands on its records. One thread, no consumer group."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import wait
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from postpulse.kafka.admin import admin_client
from postpulse.kafka.connection import client_config
from postpulse.settings import KafkaSettings
from query_api.live.connection import Connection, connection_from
from query_api.live.log import Log, LogWatch
from query_api.live.past import PLACE_LOST
from query_api.live.position import Position
from query_api.live.records import Record

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.2
_BATCH = 500
_RETRY_SECONDS = 1.0
_ASK_SECONDS = 2.0
_STALLED_SECONDS = 5.0
_STATISTICS_SECONDS = 1
#: A log that was made anew is told from its start, as all of it is news; a larger one from its end.
_MOST_OF_A_NEW_LOG = 100_000

Begun = Callable[[Position, str | None], Coroutine[Any, Any, None]]
Taken = Callable[[Sequence[Record]], Coroutine[Any, Any, None]]


class Feed:
    """Hands records over in the event loop, once a poll, and waits until they are taken before it reads on.

    Args:
        settings: where the brokers are.
        topic: with the prefix in force.
        begin: called in the loop in which `start` was called when the feed begins to follow, with its place and,
            where that is not the one that it had, with the reason. What came before that place was not seen.
        take: called there with records, in order within each partition.
        listening: whether anybody will ask what the records say, so that they are decoded here.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        begin: Begun,
        take: Taken,
        listening: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._begin = begin
        self._take = take
        self._listening = listening
        self._place: Position | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._last_poll_at = time.monotonic()
        self._complaint: str | None = None
        self._known_up_until = 0.0
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
                # What is not handed on yet waits here, or with the broker.
                "queued.max.messages.kbytes": 4096,
                "statistics.interval.ms": _STATISTICS_SECONDS * 1000,
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

    @property
    def is_answered(self) -> bool:
        """Whether the brokers answer, as far as known."""
        return self.connection.up and self.seconds_since_poll <= _STALLED_SECONDS

    @property
    def is_live(self) -> bool:
        """Whether what happens is told at once, as far as known."""
        return self.following and self.is_answered

    # What follows runs in the feed's thread.

    def _run(self, consumer: Consumer) -> None:
        watch = LogWatch(admin_client(self._settings), self._topic)
        try:
            while not self._stop.is_set():
                try:
                    if not self.following:
                        self._find_place(consumer, watch.ask())
                    elif watch.changed():
                        # The same offsets may be there, with other records.
                        self._lose_place("the topic was changed")
                    else:
                        self._poll(consumer)
                except KafkaException as exc:
                    self._complain(exc.args[0].str())
                    self._stop.wait(_RETRY_SECONDS)
        except Exception:
            # Health says so from here on: no more polls.
            log.exception("the feed ended; restart the service")
        finally:
            self.following = False
            consumer.close()

    def _find_place(self, consumer: Consumer, found: Log) -> None:
        """Begin where the feed was, at the end if it was nowhere.

        The bounds are asked for now: a record that comes before the first fetch must not be passed over.
        """
        partitions = [TopicPartition(self._topic, partition) for partition in range(found.partitions)]
        bounds = [consumer.get_watermark_offsets(each, timeout=_ASK_SECONDS) for each in partitions]
        lows, highs = [low for low, _ in bounds], [high for _, high in bounds]
        lost = None
        if self._place is None:
            offsets = highs
        elif self._place.log != found.id:
            lost = "The topic was made anew; what its log had is gone."
            offsets = lows if sum(highs) - sum(lows) <= _MOST_OF_A_NEW_LOG else highs
        else:
            was = self._place.within(found.partitions).offsets
            offsets = [min(max(at, low), high) for at, low, high in zip(was, lows, highs, strict=True)]
            if offsets != was:
                lost = "The log lost records before they were read."
        self._place = Position(found.id, offsets)
        for each, offset in zip(partitions, offsets, strict=True):
            each.offset = offset
        consumer.assign(partitions)
        self.following = True
        # All leaders have just answered; statistics of a moment ago do not say so yet.
        self.connection = Connection(up=True)
        self._known_up_until = time.monotonic() + _STATISTICS_SECONDS * 2
        self._last_poll_at = time.monotonic()
        if self._complaint is not None:
            log.info("the feed follows its topic", topic=self._topic)
            self._complaint = None
        self._hand_over(self._begin(self._place.copy(), lost))

    def _poll(self, consumer: Consumer) -> None:
        # `consume` alone would wait for a full batch until its time is over; `poll` returns with the first record.
        first = consumer.poll(_POLL_SECONDS)
        self._last_poll_at = time.monotonic()
        if first is None:
            return
        records: list[Record] = []
        for message in (first, *consumer.consume(_BATCH, timeout=0)):
            error = message.error()
            if error is None:
                records.append(self._record(message))
            elif error.code() in PLACE_LOST:
                self._lose_place(error.str())
            else:
                log.warning("the feed failed for a moment", reason=error.str())
        if records:
            self._hand_over(self._take(records))

    def _record(self, message: Message) -> Record:
        partition, offset = message.partition(), message.offset()
        assert self._place is not None
        assert partition is not None
        assert offset is not None
        self._place.offsets[partition] = offset + 1
        record = Record(partition, offset, message.key(), message.value())
        if self._listening():
            record.read()
        return record

    def _on_statistics(self, statistics: str) -> None:
        connection = connection_from(statistics, self._topic)
        if connection.up or time.monotonic() > self._known_up_until:
            self.connection = connection

    def _lose_place(self, reason: str) -> None:
        self.following = False
        self._complain(reason)

    def _complain(self, reason: str) -> None:
        # Once for each reason, however often it is tried.
        if reason != self._complaint:
            self._complaint = reason
            log.warning("the feed does not follow its topic", topic=self._topic, reason=reason)

    def _hand_over(self, taking: Coroutine[Any, Any, None]) -> None:
        """Wait until the event loop has taken it, so that no more is read than it can take."""
        assert self._loop is not None
        try:
            taken = asyncio.run_coroutine_threadsafe(taking, self._loop)
        except RuntimeError:
            # The loop was closed.
            taking.close()
            return
        while not taken.done():
            if self._stop.is_set():
                taken.cancel()
                return
            wait([taken], _POLL_SECONDS)
        taken.result()
