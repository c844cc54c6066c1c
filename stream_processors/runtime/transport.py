"""Faust by record batches: a transport whose consumer hands agents one event per partition and fetch.

Stock Faust moves one record at a time through tasks, queues, decoders and acknowledgements, which costs more than
most work on a record, and it acknowledges whatever an agent leaves behind, exceptions included. Here the event's
value is a `RecordBatch`, an offset is committed only after `RecordBatch.finish()`, and Faust's own acknowledgement
does nothing.

Offsets in batches and in the ledger are places (`postpulse.log_numbers`): Kafka's own as long as a topic has its
first log. A committed offset has the number of its log with it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import Any, ClassVar, cast

import aiokafka
import structlog
import uvloop
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust import Topic
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, EventT, Message
from mode.types import ServiceT

from postpulse.log_numbers import lifted, lowered
from stream_processors import fault_points
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.continuity import Continuity
from stream_processors.runtime.header_names import read_any_header_names
from stream_processors.runtime.offsets import BatchLimits, OffsetLedger, Partition

log = structlog.get_logger(__name__)

#: A fetch that found nothing returns after this long. While one is under way to a broker, aiokafka sends it no
#: other, so a partition whose records were just taken waits at most this long for its next ones.
_FETCH_WAIT_MS = 50
#: For which a broker is asked for nothing while records of it lie in aiokafka untaken. Those of partitions with
#: enough to do do lie there; with aiokafka's own tenth of a second they kept every other partition waiting.
_UNTAKEN_SECONDS = 0.005
_IDLE_POLL_SECONDS = 0.25
_BUSY_POLL_SECONDS = 0.05
#: aiokafka itself would try for as long as the brokers are away.
_COMMIT_SECONDS = 1.5
#: Of going to another offset in the middle of the work; tried again.
_MOVE_SECONDS = 3.0


async def _nothing() -> None:
    pass


class BatchTopic(Topic):
    """A topic whose events carry a `RecordBatch`, decoded by nobody but the agent."""

    def _compile_decode(self) -> None:
        self.decode = self._pass_through  # type: ignore[method-assign]

    async def _pass_through(self, message: Message, *, propagate: bool = False) -> EventT[Any]:
        return self._create_event(None, message.value, None, message)


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def __init__(self, consumer: "BatchConsumer", **options: Any) -> None:
        super().__init__(consumer, thread_loop=uvloop.new_event_loop(), **options)
        # Faust leaves a loop that it was given to the giver.
        self._close_thread_loop_on_stop = True

    async def on_start(self) -> None:
        await super().on_start()
        self._ensure_consumer()._fetcher._prefetch_backoff = _UNTAKEN_SECONDS

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust fixes it at 1.5 s; read when the consumer starts, after this.
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        # Faust reads what was aborted, unless it writes in transactions itself.
        consumer._isolation_level = "read_committed"
        if self._batch_consumer.continuity is not None:
            # A position that the log does not have is something to be told, not to be mended without a word.
            consumer._auto_offset_reset = "none"
        return consumer

    @property
    def _batch_consumer(self) -> "BatchConsumer":
        return cast(BatchConsumer, self.consumer)

    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        # Faust goes around aiokafka's own way of telling that coordination or fetching has failed for good:
        # such a worker would go on for ever, fetching nothing.
        consumer._coordinator.check_errors()
        if consumer._fetcher.error_future.done():
            consumer._fetcher.error_future.result()
        try:
            return await super()._fetch_records(consumer, *args, **kwargs)
        except OffsetOutOfRangeError as error:
            # Only raised where nothing was taken of any other partition.
            for tp, position in error.args[0].items():
                self._batch_consumer.loop.call_soon_threadsafe(
                    self._batch_consumer.nothing_at, (tp.topic, tp.partition), position
                )
            return {}
        except NoOffsetForPartitionError:
            # Of one that was just assigned, and is about to be sent to its start.
            return {}

    async def committed_places(self) -> dict[Partition, int]:
        """Where the group left the partitions that are assigned; without those for which it committed nothing."""
        return cast("dict[Partition, int]", await self.call_thread(self._committed_places))

    async def _committed_places(self) -> dict[Partition, int]:
        consumer = self._ensure_consumer()
        committed = await consumer._coordinator.fetch_committed_offsets(list(consumer.assignment()))
        # Tools that set offsets say nothing of logs.
        return {
            (tp.topic, tp.partition): lifted(
                found.offset, int(found.metadata) if found.metadata.isdecimal() else 0
            )
            for tp, found in committed.items()
        }

    async def go_to(self, offsets: Mapping[Partition, int | None]) -> None:
        """Read partitions from these offsets of their logs on, None: from the start."""
        await self.call_thread(self._go_to, offsets)

    async def _go_to(self, offsets: Mapping[Partition, int | None]) -> None:
        consumer = self._ensure_consumer()
        # Those that have just been revoked are somebody else's.
        owned = {(tp.topic, tp.partition): tp for tp in consumer.assignment()}
        starts = []
        for partition, offset in offsets.items():
            if partition in owned and offset is not None:
                consumer.seek(owned[partition], offset)
            elif partition in owned:
                starts.append(owned[partition])
        if starts:
            await consumer.seek_to_beginning(*starts)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust's would end the worker on any failure. What is not committed now is committed next time,
        # and what is processed again in between has no second effect.
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._ensure_consumer().commit(
                    {TopicPartition(*tp): _committed(place) for tp, place in offsets.items()}
                )
        except (KafkaError, TimeoutError) as exc:
            log.warning("offsets not committed, trying again later", reason=repr(exc))
            return False
        now = time.monotonic()
        self.tp_last_committed_at.update(dict.fromkeys(offsets, now))
        return True


def _committed(place: int) -> OffsetAndMetadata:
    number, offset = lowered(place)
    return OffsetAndMetadata(offset, str(number) if number else "")


class BatchConsumer(driver.Consumer):
    """Fetches, keeps the ledger of offsets, and hands one batch of each partition at a time to its agent."""

    #: Set by `BatchTransport` for the consumers that it makes.
    limits: ClassVar[BatchLimits]
    rebalance_grace_seconds: ClassVar[float]
    on_leave: ClassVar[Callable[[], Awaitable[None]]]
    continuity: ClassVar[Continuity | None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ledger = OffsetLedger(self.limits)
        #: The log, by its number, in which each partition is read; those that wait to be begun are out.
        self._numbers: dict[Partition, int] = {}
        self._committed_at: dict[Partition, int] = {}
        self._taken_at: dict[str, float] = {}
        self._progress = asyncio.Event()
        """Something was fetched or finished, so a batch may be ready."""
        self._settled = asyncio.Event()
        self._commit_lock = asyncio.Lock()
        self._fetch_lock = asyncio.Lock()

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # Fetching and handing on.

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Run until the consumer or the fetcher is to stop. Called by Faust's Fetcher."""

        def stopping() -> bool:
            return self.should_stop or fetcher.should_stop

        try:
            async with asyncio.TaskGroup() as tasks:
                deliver = tasks.create_task(self._deliver())
                await self._fetch(stopping)
                deliver.cancel()
        except BaseExceptionGroup as group:
            failure = group.exceptions[0]
            if not (self.app.should_stop and isinstance(failure, self.consumer_stopped_errors)):
                raise failure from None

    async def _fetch(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            if not self.flow_active:
                await self.wait(cast(Any, self.can_resume_flow))
                continue
            if self.continuity is not None:
                await self._follow(self.continuity)
            saturated = {TP(*partition) for partition in self._ledger.saturated()}
            wanted = self._readable(self._get_active_partitions()) - saturated
            if not wanted:
                # Everything is being worked on, or nothing is owned.
                await asyncio.sleep(_BUSY_POLL_SECONDS)
                continue
            timeout = _BUSY_POLL_SECONDS if saturated else _IDLE_POLL_SECONDS
            async with self._fetch_lock:
                fetched = await self._getmany(active_partitions=wanted, timeout=timeout)
                if self.flow_active:
                    self._take(fetched)
            # getmany does not yield when records are there already.
            await asyncio.sleep(0)

    def _take(self, fetched: Mapping[TP, Sequence[Any]]) -> None:
        for tp, records in fetched.items():
            if ensure_TP(tp) in self._active_partitions:
                number = self._numbers.get((tp.topic, tp.partition))
                if number is None:
                    # Assigned a moment ago, and about to be sent to where it was left.
                    continue
                if number:
                    for record in records:
                        record.offset = lifted(record.offset, number)
                taken = self._ledger.add((tp.topic, tp.partition), records)
                self._taken_at[tp.topic] = time.monotonic()
                if taken < len(records):
                    log.error(
                        "records dropped: their offsets were read before; was the log cut short?",
                        topic=tp.topic,
                        partition=tp.partition,
                        first=records[0].offset,
                        records=len(records) - taken,
                    )
        if fetched:
            self._progress.set()

    async def _deliver(self) -> None:
        while True:
            await self._progress.wait()
            self._progress.clear()
            if not self.flow_active:
                continue
            for batch in self._ledger.cut():
                await self.callback(self._message(batch))

    def _message(self, batch: RecordBatch) -> Message:
        last = batch.records[-1]
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            last.offset,
            last.timestamp / 1000,
            0,
            [],
            None,
            cast(Any, batch),
            None,
            0,
            0,
            TP(batch.topic, batch.partition),
            generation_id=self.app.consumer_generation_id,
        )

    def at_work(self, topics: Collection[str]) -> bool:
        """Whether records of one of the topics are under way, or wait here."""
        return self._ledger.at_work(topics)

    def seconds_without(self, topics: Collection[str]) -> float:
        """How long no records of these topics have come."""
        return time.monotonic() - max((self._taken_at.get(topic, 0.0) for topic in topics), default=0.0)

    def limit(self, topic: str, limits: BatchLimits) -> None:
        """Cut the batches of a topic in another way than those of the others."""
        self._ledger.limit(topic, limits)

    def begin(self, batch: RecordBatch) -> bool:
        """An agent is about to work on a batch; False when it must not, since the partition was revoked."""
        batch.started = not batch.revoked
        return batch.started

    def leave(self, batch: RecordBatch) -> None:
        """An agent is done with a batch, finished or not."""
        batch.started = False
        self._progress.set()
        self._settled.set()

    # Offsets.

    def ack(self, message: Message) -> bool:
        """Faust acknowledges whatever an agent leaves behind, exceptions included: that counts for nothing."""
        message.acked = True
        self._unacked_messages.discard(message)
        return False

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the end of the finished prefix of every owned partition. True when all are committed."""
        async with self._commit_lock:
            offsets = {TP(*partition): offset for partition, offset in self._ledger.committable().items()}
            if offsets:
                fault_points.reached("finished", "")
            try:
                # The thread keeps its own limit, unless it has ended.
                async with asyncio.timeout(2 * _COMMIT_SECONDS):
                    if not offsets or not await self._commit(offsets):
                        return False
            except TimeoutError:
                return False
            fault_points.reached("offsets committed", "")
            self._ledger.committed({(tp.topic, tp.partition): offset for tp, offset in offsets.items()})
            return True

    async def perform_seek(self) -> None:
        """Start every owned partition at its committed offset. Called by Faust after each rebalance.

        Raises:
            TimeoutError: the brokers do not tell. It ends the worker; Faust's own limit, a little longer, would
                leave it waiting for ever.
        """
        async with asyncio.timeout(self.app.conf.broker_request_timeout * 0.9):
            # Not while a fetch is under way: what it brings is dropped, since the flow is stopped, but it would
            # move the position after the seek.
            async with self._fetch_lock:
                self._numbers.clear()
                self._committed_at = await self._own_thread.committed_places()
                if self.continuity is not None:
                    self.continuity.assigned()
                await self._begin((tp.topic, tp.partition) for tp in self.assignment())

    @property
    def _own_thread(self) -> _ConsumerThread:
        return cast(_ConsumerThread, self._thread)

    # Logs that are not what they were.

    def nothing_at(self, partition: Partition, offset: int) -> None:
        """A broker has nothing at the offset at which a partition is read. Called in the app's loop."""
        if self.continuity is not None and partition in self._numbers:
            self.continuity.ask(partition, offset)

    def _number(self, partition: Partition) -> int | None:
        return 0 if self.continuity is None else self.continuity.number(*partition)

    def _readable(self, owned: Set[TP]) -> set[TP]:
        return {
            tp
            for tp in owned
            if (number := self._number((tp.topic, tp.partition))) is not None
            and self._numbers.get((tp.topic, tp.partition)) == number
        }

    async def _begin(self, partitions: Iterable[Partition]) -> None:
        """Read those whose log is known from where the group left it: from its start, if it left another log."""
        begun: dict[Partition, int] = {}
        offsets: dict[Partition, int | None] = {}
        for partition in partitions:
            number = self._number(partition)
            if number is None:
                continue
            begun[partition] = number
            of, offset = lowered(self._committed_at.get(partition, 0))
            # At 0, too: that is also where nothing was committed, and the log may begin later.
            offsets[partition] = offset if offset and of == number else None
        await self._own_thread.go_to(offsets)
        for partition, number in begun.items():
            start = offsets[partition]
            self._ledger.begin(partition, None if start is None else lifted(start, number))
            self._numbers[partition] = number
            if start is None and self.continuity is not None:
                self.continuity.ask(partition, None)

    async def _follow(self, continuity: Continuity) -> None:
        """Go where continuity says that partitions are to be read on."""
        moved = continuity.moved()
        begin = [
            partition
            for tp in self._active_partitions
            if self._numbers.get(partition := (tp.topic, tp.partition)) != (number := self._number(partition))
            and number is not None
            # What was read of the former log has its effects first.
            and not self._ledger.is_busy(partition)
        ]
        if not moved and not begin:
            return
        try:
            async with asyncio.timeout(_MOVE_SECONDS), self._fetch_lock:
                if moved:
                    await self._own_thread.go_to(moved)
                    for partition, offset in moved.items():
                        # If it was not assigned anew meanwhile.
                        if (number := self._numbers.get(partition)) is not None:
                            self._ledger.skip_to(partition, lifted(offset, number))
                await self._begin(begin)
        except (KafkaError, TimeoutError) as error:
            # A rebalance or a broker that is away. What was not moved is found to be out of range again.
            log.warning("partitions not moved, trying again", reason=repr(error))
            await asyncio.sleep(_BUSY_POLL_SECONDS)

    # Rebalances and stopping.

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let batches under way finish, commit them, drop the rest. Called during a rebalance."""
        self.stop_flow()
        await self.settle()
        self._ledger.revoke((tp.topic, tp.partition) for tp in revoked)
        await super().on_partitions_revoked(revoked)

    async def settle(self) -> None:
        """Wait a little for the batches that agents have begun, then commit what is finished and take leave."""
        deadline = time.monotonic() + self.rebalance_grace_seconds
        while (left := deadline - time.monotonic()) > 0 and self._ledger.under_way():
            self._settled.clear()
            try:
                async with asyncio.timeout(left):
                    await self._settled.wait()
            except TimeoutError:
                break
        unfinished = self._ledger.under_way()
        if unfinished:
            log.warning(
                "partitions leave with batches unfinished", batches=[repr(batch) for batch in unfinished]
            )
        # Both have limits of their own, and time is short.
        await asyncio.gather(self.commit(), type(self).on_leave())

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's search for stuck streams reads acknowledgements, which are not used here."""


def batch_transport(
    app: Any,
    url: Iterable[Any],
    limits: BatchLimits,
    rebalance_grace_seconds: float,
    on_leave: Callable[[], Awaitable[None]] = _nothing,
    continuity: Continuity | None = None,
) -> driver.Transport:
    """A transport for `app.transport`.

    Args:
        app: the Faust app.
        url: of the brokers, as `app.conf.broker_consumer` has it.
        limits: where batches are cut.
        rebalance_grace_seconds: how long batches under way may take to finish when partitions are revoked.
        on_leave: called when they are, and when the app stops; must not raise.
        continuity: says which logs are read. None: all are as they were, and whatever is gone is passed over.
    """
    read_any_header_names()
    consumer = type(
        "BatchConsumer",
        (BatchConsumer,),
        {
            "limits": limits,
            "rebalance_grace_seconds": rebalance_grace_seconds,
            "on_leave": staticmethod(on_leave),
            "continuity": continuity,
        },
    )

    class BatchTransport(driver.Transport):
        Consumer = consumer

    return BatchTransport(list(url), app)
