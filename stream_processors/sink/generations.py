"""Generations that are to go are dropped by the workers: every one looks, whoever comes first does it."""

import asyncio
from types import TracebackType

import structlog
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from postpulse.collections import Document
from postpulse.generations.changes import drop_abandoned, drop_due

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0


class Dropping:
    """Drops them, inside `async with`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Dropping":
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _look(self) -> None:
        while True:
            try:
                await drop_abandoned(self._database)
                for number in await drop_due(self._database):
                    log.info("generation dropped", generation=number)
            except PyMongoError as exc:
                log.warning("generations are not looked after", reason=str(exc)[:200])
            await asyncio.sleep(_LOOK_SECONDS)
