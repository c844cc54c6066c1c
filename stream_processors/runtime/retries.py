"""Work on a batch until it is done: what fails for a while stops its partition, what fails for good is found.

`stream_processors.dead_letters.sorting` says which is which. What does not pass by itself is of a record: the
batch is cut in two, and the half at fault again, down to the one record, which is given up. All others are
processed, each with a checkpoint of its own part, so that none has its effects twice.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from postpulse.settings import WorkerSettings
from postpulse.telemetry import metrics
from stream_processors.dead_letters.limits import FailureLimits
from stream_processors.dead_letters.sorting import ProcessKilledError, passes_by_itself
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.guards import Guards
from stream_processors.runtime.room import Room
from stream_processors.runtime.transport import BatchConsumer
from stream_processors.runtime.watchdog import Watchdog
from stream_processors.sink.checkpoints import CheckpointMovedError

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
#: A record is not given up at its first failure.
_LEAST_ATTEMPTS = 2

#: All effects of a batch, confirmed when it returns; may be called again after it failed anywhere. A record that
#: is given up (`RecordBatch.given_up`) it sends to the dead letters, and has its checkpoint pass.
Process = Callable[[RecordBatch], Awaitable[None]]


class Safeguards:
    """What the stages of one worker share against records and deployments that fail.

    Args:
        settings: the limits.
        guards: None where nobody keeps any: then a record that ends the process is not found.
    """

    def __init__(self, settings: WorkerSettings, guards: Guards | None = None) -> None:
        self.guards = guards
        self.room = Room()
        self.watchdog = Watchdog(settings.compute_seconds_limit)
        self.limits: dict[str, FailureLimits] = {}
        """By stage."""
        self._settings = settings

    def add_stage(self, stage: str) -> None:
        self.limits[stage] = FailureLimits(self._settings.max_failed_run, self._settings.max_failed_share)

    def stopped(self) -> dict[str, str]:
        """Stage/partition -> why it waits, of the partitions that too many failures have stopped."""
        return {
            f"{stage}/{partition}": reason
            for stage, limits in self.limits.items()
            for partition, reason in limits.stopped.items()
        }

    async def leave(self) -> None:
        """This worker leaves its partitions of its own accord."""
        if self.guards is not None:
            await self.guards.leave()


async def work(
    consumer: BatchConsumer, batch: RecordBatch, stage: str, process: Process, safeguards: Safeguards
) -> None:
    """Process a batch and mark it finished; goes on, with growing pauses, until it is or is revoked.

    Args:
        consumer: the one that delivered the batch.
        batch: left alone if its partition was revoked meanwhile.
        stage: the agent's name, for logs and metrics.
        process: of the stage.
        safeguards: that know the stage.
    """
    if consumer.begin(batch):
        try:
            await _Work(batch, stage, process, safeguards).run()
        finally:
            consumer.leave(batch)


class _Work:
    def __init__(self, batch: RecordBatch, stage: str, process: Process, safeguards: Safeguards) -> None:
        self._batch = batch
        self._stage = stage
        self._process = process
        self._safeguards = safeguards
        self._limits = safeguards.limits[stage]
        self._pause = _FIRST_PAUSE_SECONDS
        #: What is not done yet, the first part last.
        self._left: list[RecordBatch] = []

    async def run(self) -> None:
        started = time.perf_counter()
        try:
            await self._until_it_works(self._begin)
            while self._left and not self._batch.revoked:
                await self._until_it_works(self._next)
        finally:
            self._go_on()
        if self._batch.revoked:
            return
        self._batch.finish()
        metrics.RECORDS_PROCESSED.labels(self._stage).inc(len(self._batch))
        metrics.BATCH_RECORDS.labels(self._stage).observe(len(self._batch))
        metrics.BATCH_SECONDS.labels(self._stage).observe(time.perf_counter() - started)

    async def _until_it_works(self, step: Callable[[], Awaitable[None]]) -> None:
        """What fails and is of no record passes by itself, or nobody knows any better than to try again."""
        while not self._batch.revoked:
            try:
                await step()
            except CheckpointMovedError as exc:
                # Another worker has, or had, the partition. What it did is in the documents: look again.
                metrics.FENCED.labels(self._stage).inc()
                log.warning("transaction fenced", stage=self._stage, batch=repr(self._batch), reason=str(exc))
            except Exception as exc:
                log.warning(
                    "batch waits",
                    stage=self._stage,
                    batch=repr(self._batch),
                    reason=repr(exc),
                    seconds=self._pause,
                    exc_info=not passes_by_itself(exc),
                )
            else:
                self._pause = _FIRST_PAUSE_SECONDS
                return
            await self._wait()

    async def _begin(self) -> None:
        guards = self._safeguards.guards
        parts = [self._batch] if guards is None else await guards.begin(self._stage, self._batch)
        self._left = parts[::-1]

    async def _next(self) -> None:
        part = self._left[-1]
        try:
            await self._attempt(part)
        except Exception as exc:
            if passes_by_itself(exc) or part.given_up is not None:
                raise
            await self._blame(part, exc)
        else:
            self._left.pop()
            if part.given_up is None:
                self._limits.worked(len(part))

    async def _attempt(self, part: RecordBatch) -> None:
        guards = self._safeguards.guards
        part.attempts += 1
        if guards is None or not part.watched:
            async with self._safeguards.room.together():
                await self._watch_process(part)
            return
        async with self._safeguards.room.alone():
            kills = guards.kills(self._stage, part)
            if kills >= guards.max_kills and part.given_up is None:
                self._give_up(part, ProcessKilledError(kills))
            async with guards.mark(self._stage, part):
                await self._watch_process(part)

    async def _watch_process(self, part: RecordBatch) -> None:
        # Revoked while we waited for our turn: somebody else may be at it.
        if not self._batch.revoked:
            with self._safeguards.watchdog.watching(part):
                await self._process(part)

    async def _blame(self, part: RecordBatch, error: Exception) -> None:
        """A part failed for a reason that does not pass: look for the record."""
        if len(part) > 1:
            metrics.BATCHES_SPLIT.labels(self._stage).inc()
            log.warning("batch failed, split", stage=self._stage, batch=repr(part), reason=repr(error)[:500])
            middle = len(part) // 2
            self._left[-1:] = [part.part(middle, len(part)), part.part(0, middle)]
        elif part.attempts < _LEAST_ATTEMPTS:
            raise error
        elif reason := self._limits.exceeded():
            self._stop(reason, error)
            self._pause = _LONGEST_PAUSE_SECONDS
            await self._wait()
        else:
            self._limits.failed()
            self._give_up(part, error)

    def _give_up(self, part: RecordBatch, error: Exception) -> None:
        log.error("record given up", stage=self._stage, batch=repr(part), exc_info=error)
        part.given_up = error
        self._go_on()

    def _stop(self, reason: str, error: Exception) -> None:
        if self._batch.partition not in self._limits.stopped:
            log.error(
                "partition stopped: too many records fail, is the deployment at fault?",
                stage=self._stage,
                batch=repr(self._batch),
                reason=reason,
                exc_info=error,
            )
        self._limits.stopped[self._batch.partition] = f"{reason}: {error!r}"[:500]
        metrics.PARTITIONS_STOPPED.labels(self._stage).set(len(self._limits.stopped))

    def _go_on(self) -> None:
        if self._limits.stopped.pop(self._batch.partition, None) is not None:
            metrics.PARTITIONS_STOPPED.labels(self._stage).set(len(self._limits.stopped))

    async def _wait(self) -> None:
        metrics.BATCH_RETRIES.labels(self._stage).inc()
        # Spread, so that workers do not come back all at once.
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 -- hides nothing
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
