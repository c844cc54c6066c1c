"""Acknowledged, ordered, idempotent sends from an event loop, around `confluent_kafka.Producer`.

The loop itself polls for delivery reports, every other millisecond while any are awaited. A thread that polls would
fight with the loop for the interpreter's lock, once for each report: that costs more than all else in a send.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from postpulse.events import Headers
from postpulse.kafka.connection import MAX_REQUEST_BYTES, client_config
from postpulse.settings import KafkaSettings
from postpulse.telemetry import metrics

log = structlog.get_logger(__name__)

#: How long reports gather: each poll costs as much as many reports.
_POLL_SECONDS = 0.002
#: With nothing under way, there is only news of the brokers to be heard.
_IDLE_POLL_SECONDS = 0.1
_PROBE_SECONDS = 1.0
#: How often is looked who has waited too long.
_LATE_LOOK_SECONDS = 0.25
#: Queueing thousands of records at once would block the event loop; others run between pieces of this size.
_PIECE = 500


class PublishError(Exception):
    """The broker did not acknowledge a record. It may or may not be in the log."""


class QueueFullError(PublishError):
    """The local queue is full: nothing was sent. Try again later."""


class BrokerUnavailableError(PublishError):
    """No broker can be reached: nothing was sent. Try again later."""


class LateError(PublishError):
    """No acknowledgement yet, and the sender has no more patience: the record is still under way."""

    def __init__(self) -> None:
        super().__init__("not acknowledged in time")


class RecordTooLargeError(PublishError):
    """The record is larger than the topic takes: nothing was sent, and trying again is of no use."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record to send; a None value is a tombstone. A Struct, for thousands a second are made."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


_Result = asyncio.Future[PublishError | None]


class _Group:
    """Records sent together: their results, and the future that is done when all are known, or it is late."""

    __slots__ = ("done", "results", "waiting")

    def __init__(self, size: int, done: _Result) -> None:
        self.results: list[PublishError | None] = [LateError()] * size
        self.waiting = size
        self.done = done

    def settle(self) -> None:
        """The fate of one more record is known."""
        self.waiting -= 1
        # A caller that was cancelled no longer waits.
        if not self.waiting and not self.done.done():
            self.done.set_result(None)


class Patience(NamedTuple):
    """How long senders wait for an acknowledgement before they are told that it is late.

    Attributes:
        seconds: at least.
        ends: whether it does now: it is of no use where a sender could do nothing better than wait.
    """

    seconds: float
    ends: Callable[[], bool]


class _Waiting:
    """Who waits for an acknowledgement, to be told that it is late, which does not mean that it never comes.

    Nothing is kept of what is acknowledged soon, and little is done a record: there are thousands a second.
    """

    def __init__(self, patience: Patience, loop: asyncio.AbstractEventLoop) -> None:
        self._patience = patience
        self._loop = loop
        self._look_at = 0.0
        self._older: deque[tuple[float, list[_Result]]] = deque()
        """When it is late, and what it is: all that was not known at one look."""
        self.newer: list[_Result] = []
        """Those since the last look."""

    def look(self) -> None:
        """Tell those that have waited for long enough; to be called again and again while anything is awaited."""
        now = self._loop.time()
        if now < self._look_at:
            return
        self._look_at = now + _LATE_LOOK_SECONDS
        unknown = [result for result in self.newer if not result.done()]
        self.newer.clear()
        if unknown:
            self._older.append((now + self._patience.seconds, unknown))
        while self._older and self._older[0][0] <= now:
            late = [result for result in self._older[0][1] if not result.done()]
            if late and not self._patience.ends():
                return
            self._older.popleft()
            for result in late:
                result.set_result(LateError())


class _Connection:
    """One librdkafka producer, polled by the event loop until it is closed. After a fatal error another is made."""

    def __init__(
        self,
        settings: KafkaSettings,
        client_id: str,
        loop: asyncio.AbstractEventLoop,
        patience: Patience | None,
    ) -> None:
        self.fatal = False
        self.reachable = True
        self.lost = 0
        """Records that were not acknowledged since `close`."""
        self.closed = asyncio.Event()
        """Nothing is under way any more, and nothing is polled."""
        self._closing = False
        self._loop = loop
        self._waiting = None if patience is None else _Waiting(patience, loop)
        self._probing: asyncio.Future[bool] | None = None
        self._producer = Producer(
            {
                **client_config(settings, client_id),
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": settings.linger_ms,
                "compression.type": settings.compression,
                "delivery.timeout.ms": int(settings.delivery_timeout_seconds * 1000),
                "queue.buffering.max.messages": settings.queue_max_messages,
                "queue.buffering.max.kbytes": settings.queue_max_kbytes,
                "message.max.bytes": MAX_REQUEST_BYTES,
                # The partitioner of the Java clients, so that every client agrees where a key lives.
                "partitioner": "murmur2_random",
                "error_cb": self._on_error,
            }
        )
        self._busy = False
        self._timer = loop.call_soon(self._poll)

    def __len__(self) -> int:
        return len(self._producer)

    def group(self, size: int, patient: bool) -> _Group:
        done: _Result = self._loop.create_future()
        if self._waiting is not None and not patient:
            self._waiting.newer.append(done)
        return _Group(size, done)

    def produce(self, record: Record, group: _Group, index: int) -> None:
        """Queue a record; its result goes to the group.

        Raises:
            PublishError: nothing was queued: the queue is full, or the record is not sendable.
        """
        self._queue(record, partial(self._on_delivery, group, index))

    def produce_one(self, record: Record) -> _Result:
        """Queue a record; what becomes of it is the future's result.

        Raises:
            PublishError: as `produce`.
        """
        result: _Result = self._loop.create_future()
        self._queue(record, partial(self._on_delivery_of_one, result))
        if self._waiting is not None:
            self._waiting.newer.append(result)
        return result

    def _queue(self, record: Record, on_delivery: Callable[[KafkaError | None, Message], None]) -> None:
        try:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                # The stubs want None, int or str values in a dict; librdkafka takes this list of pairs.
                headers=record.headers,  # type: ignore[arg-type]
                on_delivery=on_delivery,
            )
        except BufferError:
            raise QueueFullError("the queue to the brokers is full") from None
        except KafkaException as exc:
            raise _translate(exc.args[0]) from None
        if not self._busy:
            self._poll_soon()

    def purge(self) -> None:
        """Fail whatever is still queued."""
        self._producer.purge()
        self._poll_soon()

    def close(self) -> None:
        """Poll no more once nothing is queued."""
        self._closing = True
        self._poll_soon()

    def _poll_soon(self) -> None:
        self._busy = True
        self._timer.cancel()
        self._timer = self._loop.call_later(_POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        self._producer.poll(0)
        if self._waiting is not None:
            self._waiting.look()
        self._busy = len(self._producer) > 0
        if self._closing and not self._busy:
            self.closed.set()
            return
        if not self.reachable and self._probing is None:
            # Nothing is sent while no broker answers, so nothing would tell that they are back.
            self._probing = self._loop.run_in_executor(None, self._probe)
            self._probing.add_done_callback(self._on_probed)
        self._timer = self._loop.call_later(_POLL_SECONDS if self._busy else _IDLE_POLL_SECONDS, self._poll)

    def _probe(self) -> bool:
        try:
            self._producer.list_topics(timeout=_PROBE_SECONDS)
        except KafkaException:
            return False
        return True

    def _on_probed(self, probing: "asyncio.Future[bool]") -> None:
        def again() -> None:
            self._probing = None

        if probing.cancelled() or not probing.result():
            self._loop.call_later(_PROBE_SECONDS, again)
        else:
            self._probing = None
            self._set_reachable(True)

    # What follows is called by librdkafka, within the poll.

    def _on_delivery(self, group: _Group, index: int, error: KafkaError | None, _: Message) -> None:
        group.results[index] = self._result(error)
        group.settle()

    def _on_delivery_of_one(self, result: _Result, error: KafkaError | None, _: Message) -> None:
        outcome = self._result(error)
        # A caller that was cancelled no longer waits, nor one that was told that it is late.
        if not result.done():
            result.set_result(outcome)

    def _result(self, error: KafkaError | None) -> PublishError | None:
        if error is not None:
            self.lost += self._closing
            return _translate(error)
        if not self.reachable:
            self._set_reachable(True)
        return None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self.fatal = True
            log.error("kafka producer failed for good, making a new one", reason=error.str())
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and self.reachable:
            self._set_reachable(False)

    def _set_reachable(self, reachable: bool) -> None:
        self.reachable = reachable
        metrics.BROKER_REACHABLE.set(reachable)
        if reachable:
            log.info("kafka is reachable again")
        else:
            log.warning("kafka is not reachable")


class Publisher:
    """Sends records and waits for the brokers' acknowledgement (acks=all, idempotent). One per event loop.

    Args:
        settings: where the brokers are and how much may be queued.
        client_id: how this client is called in the brokers' logs and metrics.
        patience: of senders; None: they wait for as long as a record may be under way.
    """

    def __init__(self, settings: KafkaSettings, client_id: str, patience: Patience | None = None) -> None:
        self._patience = patience
        self._settings = settings
        self._client_id = client_id
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: _Connection | None = None
        self.last_acknowledged_at: float | None = None
        """Time (seconds since 1970) of the newest acknowledgement."""

    def start(self) -> None:
        """Begin, in the running event loop. Does not wait for a broker."""
        self._loop = asyncio.get_running_loop()
        self._connection = self._connect()

    @property
    def available(self) -> bool:
        """Whether a broker can be reached, as far as known."""
        return self._connection is not None and self._connection.reachable

    @property
    def queued(self) -> int:
        """Records that wait for their acknowledgement."""
        return len(self._connection) if self._connection is not None else 0

    async def send(self, record: Record) -> None:
        """Send one record; returns when it is acknowledged.

        Raises:
            PublishError: it was not; the subclasses say what is known.
        """
        # As send_all, without a group: posts come one by one, thousands a second.
        error = await self._usable_connection().produce_one(record)
        if error is not None:
            raise error
        self.last_acknowledged_at = time.time()

    async def send_all(self, records: Sequence[Record], patient: bool = False) -> list[PublishError | None]:
        """Send records in order; returns when each is acknowledged or has failed, or some are late.

        Args:
            patient: wait for as long as a record may be under way, however late.

        Returns:
            One result a record, in order: None where it was acknowledged.
        """
        if not records:
            return []
        connection = self._usable_connection()
        group = connection.group(len(records), patient)
        for index, record in enumerate(records):
            if index and not index % _PIECE:
                await asyncio.sleep(0)
            try:
                connection.produce(record, group, index)
            except PublishError as error:
                group.results[index] = error
                group.settle()
        await group.done
        if None in group.results:
            self.last_acknowledged_at = time.time()
        return group.results

    async def publish(self, records: Sequence[Record]) -> None:
        """Send any number of records; returns when all are acknowledged.

        Raises:
            PublishError: the first of those that are not.
        """
        for error in await self.send_all(records):
            if error is not None:
                raise error

    async def close(self) -> int:
        """Wait for what is queued (no longer than its delivery timeout), then stop.

        Returns:
            How many records were not acknowledged.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return 0
        connection.close()
        try:
            async with asyncio.timeout(self._settings.delivery_timeout_seconds + 1):
                await connection.closed.wait()
        except TimeoutError:
            connection.purge()
            await connection.closed.wait()
        return connection.lost

    def _usable_connection(self) -> _Connection:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the publisher is not started")
        if connection.fatal:
            connection.purge()
            connection.close()
            connection = self._connection = self._connect()
        if not connection.reachable:
            raise BrokerUnavailableError("no broker can be reached")
        return connection

    def _connect(self) -> _Connection:
        assert self._loop is not None
        return _Connection(self._settings, self._client_id, self._loop, self._patience)


def _translate(error: KafkaError) -> PublishError:
    code: Any = error.code()
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return RecordTooLargeError(f"the record is larger than the topic takes: {error.str()}")
    if code == KafkaError._QUEUE_FULL:
        return QueueFullError("the queue to the brokers is full")
    return PublishError(f"not acknowledged: {error.str()}")
