"""From the spool into the log, in order, whenever the brokers take it."""

import asyncio
import time
from contextlib import suppress

import structlog

from postpulse.kafka.publisher import Publisher, PublishError, Record, RecordTooLargeError
from postpulse.settings import Settings
from postpulse.telemetry import metrics
from postpulse.topics import POSTS, topic_name
from producer_api.spool.segments import Entry
from producer_api.spool.spool import Spool

log = structlog.get_logger(__name__)

_MAX_RECORDS = 500
_MAX_BYTES = 1024 * 1024
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


class Drain:
    """Sends what a spool holds and forgets what is acknowledged, until it is stopped."""

    def __init__(self, spool: Spool, publisher: Publisher, topic: str) -> None:
        self._spool = spool
        self._publisher = publisher
        self._topic = topic
        self.complaint: str | None = None
        """Why the oldest record was not taken when it was last sent; None where all goes well."""
        self._size = 1
        """Records to send at once. One at first, and after a failure: what was not acknowledged may be in the log
        all the same, and is sent again."""
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self, grace_seconds: float) -> None:
        """Begin nothing more, and finish what is under way, for as long as that; the rest stays in the spool."""
        if self._task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._sending.acquire()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def step(self) -> int:
        """Send some records, the oldest ones first, if a broker can be reached.

        Returns:
            How many have left the spool.

        Raises:
            OSError: the spool cannot be read.
        """
        if not self._publisher.available:
            return 0
        # Not when it is a try: others would wait for brokers that do not answer.
        if self._size > 1 and self._spool.records <= self._size:
            async with self._spool.handing_over():
                return await self._send()
        return await self._send()

    async def _send(self) -> int:
        entries = await self._spool.read(self._size, _MAX_BYTES)
        records = [Record(self._topic, record.key, record.value, record.headers) for record, *_ in entries]
        results: list[PublishError | None]
        try:
            results = await self._publisher.send_all(records, patient=True)
        except PublishError as none_sent:
            results = [none_sent]
        settled = 0
        self.complaint = None
        for entry, error in zip(entries, results, strict=False):
            # Brokers say so of records that were sent together: of one alone it is certain.
            if isinstance(error, RecordTooLargeError) and len(entries) == 1:
                await self._refuse(entry, error)
            elif error is not None:
                self.complaint = str(error)
                log.warning("the brokers do not take what is in the spool", reason=self.complaint)
                break
            settled += 1
        if settled:
            await self._spool.advance(entries[:settled])
            metrics.SPOOL_DRAINED.inc(results[:settled].count(None))
        self._size = min(self._size * 2, _MAX_RECORDS) if settled == len(entries) else 1
        return settled

    async def _refuse(self, entry: Entry, error: RecordTooLargeError) -> None:
        await self._spool.refuse(entry)
        log.error(
            "a record of the spool can never be sent; a copy is set aside, the rest goes on",
            key=(entry.record.key or b"").decode(errors="replace"),
            reason=str(error),
            directory=str(self._spool.directory),
        )

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        drained = 0
        while True:
            await self._spool.filled.wait()
            try:
                async with self._sending:
                    settled = await self.step()
            except Exception:  # a disk that fails, say: it must not end the draining for good
                log.exception("the spool cannot be drained, trying again")
                settled = 0
            drained += settled
            if not self._spool.filled.is_set():
                log.info("the spool is drained", records=drained)
                drained = 0
            elif not settled:
                await asyncio.sleep(pause)
            pause = _FIRST_PAUSE_SECONDS if settled else min(pause * 2, _LONGEST_PAUSE_SECONDS)


class DrainError(Exception):
    """The spool could not be emptied; the message says why, and how many records are left."""


async def drain_all(settings: Settings, patience_seconds: float) -> int:
    """Empty the spool that the settings name, where no service does.

    Args:
        patience_seconds: give up when nothing gets through for so long.

    Returns:
        How many records have left it.

    Raises:
        ConfigurationError: a service has it, or it cannot be used.
        DrainError: it is not empty; what is left stays in it.
    """
    assert settings.spool.directory is not None
    spool = Spool(settings.spool.directory, settings.spool.max_bytes)
    publisher = Publisher(settings.kafka, "postpulse-spool")
    await spool.open()
    publisher.start()
    drain = Drain(spool, publisher, topic_name(POSTS, settings.kafka))
    drained = 0
    try:
        give_up_at = time.monotonic() + patience_seconds
        while spool.filled.is_set():
            if settled := await drain.step():
                drained += settled
                give_up_at = time.monotonic() + patience_seconds
            elif time.monotonic() > give_up_at:
                servers = settings.kafka.bootstrap_servers
                raise DrainError(f"No broker at {servers} takes the records; {spool.records} are left.")
            else:
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)
    except OSError as exc:
        reason = exc.strerror
        raise DrainError(f"The spool cannot be read ({reason}); {spool.records} records are left.") from None
    finally:
        await publisher.close()
        await spool.close()
    return drained
