"""What a worker tells of itself: whether it can do its work, and how long its event loop was blocked."""

import asyncio
import time
from types import TracebackType
from typing import Any

import faust
from aiohttp import web
from pymongo import AsyncMongoClient

from postpulse.collections import Document
from postpulse.kafka.publisher import Publisher
from postpulse.telemetry import metrics
from postpulse.web import health
from stream_processors.runtime.continuity import Continuity
from stream_processors.runtime.retries import Safeguards

_TICK_SECONDS = 0.1


class LoopLag:
    """Measures how late the event loop is; the longest lag of the last minute is a metric."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "LoopLag":
        self._task = asyncio.create_task(self._measure())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _measure(self) -> None:
        since = time.monotonic()
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            if now - since > 60:
                since, self.longest = now, 0.0
            self.longest = max(self.longest, now - before - _TICK_SECONDS)
            metrics.LOOP_LAG_SECONDS.set(self.longest)


def add_checks(
    served: web.Application,
    app: faust.App,
    client: AsyncMongoClient[Document],
    publisher: Publisher,
    lag: LoopLag,
    safeguards: Safeguards,
    continuity: Continuity,
) -> None:
    """Readiness of a worker: it is in its group, has its servers and whole logs, and not too many records fail."""

    async def group() -> dict[str, Any]:
        assigned: dict[str, int] = {}
        for tp in app.consumer.assignment():
            assigned[tp.topic] = assigned.get(tp.topic, 0) + 1
        for topic, number in assigned.items():
            metrics.PARTITIONS_ASSIGNED.labels(topic).set(number)
        if app.rebalancing:
            raise RuntimeError("partitions are being assigned")
        return {"partitions": assigned, "loop_lag_milliseconds": round(lag.longest * 1000, 1)}

    async def mongo() -> dict[str, Any]:
        await client.admin.command("ping")
        return {}

    async def kafka() -> dict[str, Any]:
        if not publisher.available:
            raise RuntimeError("no broker can be reached")
        return {"queued": publisher.queued}

    async def records() -> dict[str, Any]:
        stopped = safeguards.stopped()
        if stopped:
            reasons = "; ".join(f"{partition}: {reason}" for partition, reason in stopped.items())
            raise RuntimeError(f"partitions are stopped: {reasons}")
        return {}

    async def logs() -> dict[str, Any]:
        if continuity.stopped:
            raise RuntimeError("; ".join(f"{where}: {why}" for where, why in continuity.stopped.items()))
        return {}

    served[health.CHECKS].update(
        {"group": group, "mongo": mongo, "kafka": kafka, "records": records, "logs": logs}
    )
