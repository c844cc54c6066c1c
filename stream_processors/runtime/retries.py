"""Work on a batch until it is done: what fails for a while stops its partition, never loses its records."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog
from pymongo.errors import PyMongoError

from postpulse.kafka.publisher import PublishError
from postpulse.telemetry import metrics
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.transport import BatchConsumer
from stream_processors.sink.checkpoints import CheckpointMovedError

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
#: What passes by itself: servers that are away, elections, full queues.
_PASSING = (PyMongoError, PublishError, TimeoutError, OSError)

Process = Callable[[RecordBatch], Awaitable[None]]


async def work(consumer: BatchConsumer, batch: RecordBatch, stage: str, process: Process) -> None:
    """Process a batch and mark it finished; tries again, with growing pauses, until it is or is revoked.

    Args:
        consumer: the one that delivered the batch.
        batch: left alone if its partition was revoked meanwhile.
        stage: the agent's name, for logs and metrics.
        process: has all effects confirmed when it returns, and may be called again after it failed anywhere.
    """
    if not consumer.begin(batch):
        return
    started = time.perf_counter()
    pause = _FIRST_PAUSE_SECONDS
    try:
        while not batch.revoked:
            try:
                await process(batch)
            except CheckpointMovedError as exc:
                # Another worker has, or had, the partition. What it did is in the documents: look again.
                metrics.FENCED.labels(stage).inc()
                log.warning("transaction fenced", stage=stage, batch=repr(batch), reason=str(exc))
            except _PASSING as exc:
                log.warning("batch waits", stage=stage, batch=repr(batch), reason=repr(exc), seconds=pause)
            except Exception:
                log.exception(
                    "batch failed, its partition waits", stage=stage, batch=repr(batch), seconds=pause
                )
            else:
                batch.finish()
                metrics.RECORDS_PROCESSED.labels(stage).inc(len(batch))
                metrics.BATCH_RECORDS.labels(stage).observe(len(batch))
                metrics.BATCH_SECONDS.labels(stage).observe(time.perf_counter() - started)
                return
            metrics.BATCH_RETRIES.labels(stage).inc()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- spreads workers, hides nothing
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    finally:
        consumer.leave(batch)
