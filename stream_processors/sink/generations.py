"""Generations that are to go are dropped by the workers: every one looks, whoever comes first does it."""

import asyncio

import structlog
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from postpulse.collections import Document
from postpulse.generations.changes import drop_abandoned, drop_due

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0


async def look_after_generations(database: AsyncDatabase[Document]) -> None:
    """Drop what is due, until it is cancelled."""
    while True:
        try:
            await drop_abandoned(database)
            for number in await drop_due(database):
                log.info("generation dropped", generation=number)
        except PyMongoError as exc:
            log.warning("generations are not looked after", reason=str(exc)[:200])
        await asyncio.sleep(_LOOK_SECONDS)
