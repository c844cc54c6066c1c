"""Old counters are folded: minutes into hours, hours into days, and days that are kept no longer into one sum.

What is counted in a window is the sum of all documents whose bucket lies in it, whatever their granularity, and a
piece is folded in one transaction: no sum ever changes, wherever this stops. A change of an old post (a delete,
another version) is counted where it always is, in a fine bucket, and folded the next time. Days that are kept no
longer leave what they add up to, without values, so that generations can still be compared.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from pymongo import ASCENDING, DeleteMany, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from postpulse.collections import COUNTERS, GENERATIONS, Document
from postpulse.generations.state import read_state
from postpulse.mongo.lease import Lease
from postpulse.settings import CountersSettings
from postpulse.telemetry.metrics import COUNTERS_FOLDED
from stream_processors.sink.counters import counter_id

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 60.0
#: Documents in one transaction: some tens of milliseconds.
_PIECE = 1_000
#: Between two pieces: live posts come first.
_PAUSE_SECONDS = 0.05
_KEYS = ("_id", "dimension", "granularity", "bucket", "value", "lane")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Fold:
    fine: str
    coarse: str
    before: datetime
    """Buckets that begin before are folded."""

    def bucket(self, fine: datetime) -> datetime:
        if self.coarse == "hour":
            return fine.replace(minute=0)
        return fine.replace(hour=0, minute=0) if self.coarse == "day" else _LONG_AGO

    def value(self, fine: str) -> str:
        return "" if self.coarse == "past" else fine


async def look_after_counters(
    database: AsyncDatabase[Document], settings: CountersSettings, turn: Lease
) -> None:
    """Fold what is old, until it is cancelled; one worker does it at a time.

    Args:
        turn: to do so.
    """
    while True:
        try:
            await fold_all(database, settings, turn, datetime.now(UTC))
        except PyMongoError as exc:
            log.warning("counters are not folded", reason=str(exc)[:200])
        await asyncio.sleep(_LOOK_SECONDS)


async def fold_all(
    database: AsyncDatabase[Document], settings: CountersSettings, turn: Lease, now: datetime
) -> int:
    """Fold whatever is old at a time, in every generation that is written; returns how many documents it took.

    Raises:
        PyMongoError: there is no answer; what was folded is.
    """
    folded = 0
    for number in (await read_state(database[GENERATIONS.name])).written:
        counters = database[COUNTERS.name_in(number)]
        for dimension in await counters.distinct("dimension"):
            for fold in _folds(settings, now):
                while await turn.hold() and (taken := await _fold(counters, dimension, fold)):
                    folded += taken
                    COUNTERS_FOLDED.inc(taken)
                    await asyncio.sleep(_PAUSE_SECONDS)
    return folded


def _folds(settings: CountersSettings, now: datetime) -> Iterator[_Fold]:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yield _Fold("minute", "hour", today - timedelta(days=settings.minute_days))
    yield _Fold("hour", "day", today - timedelta(days=settings.hour_days))
    if settings.day_days:
        yield _Fold("day", "past", today - timedelta(days=settings.day_days))


async def _fold(counters: AsyncCollection[Document], dimension: str, fold: _Fold) -> int:
    which = {"dimension": dimension, "granularity": fold.fine, "bucket": {"$lt": fold.before}}

    async def piece(session: AsyncClientSession) -> int:
        found = counters.find(which, session=session).sort("bucket", ASCENDING).limit(_PIECE)
        documents = await found.to_list()
        if documents:
            gone = DeleteMany({"_id": {"$in": [document["_id"] for document in documents]}})
            writes: list[UpdateOne | DeleteMany] = [*_sums(dimension, fold, documents), gone]
            await counters.bulk_write(writes, ordered=False, session=session)
        return len(documents)

    async with counters.database.client.start_session() as session:
        return await session.with_transaction(
            piece,
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", j=True),
        )


def _sums(dimension: str, fold: _Fold, documents: list[Document]) -> Iterator[UpdateOne]:
    amounts: dict[tuple[datetime, str], dict[str, int]] = {}
    ranks: dict[tuple[datetime, str], dict[str, int]] = {}
    for document in documents:
        key = fold.bucket(document["bucket"]), fold.value(document["value"])
        sums, highest = amounts.setdefault(key, {}), ranks.setdefault(key, {})
        for name, amount in document.items():
            if name == "registers":
                for register, rank in amount.items():
                    path = f"registers.{register}"
                    highest[path] = max(rank, highest.get(path, 0))
            elif name not in _KEYS:
                sums[name] = sums.get(name, 0) + amount
    lane = f"rollup/{fold.coarse}"
    for (bucket, value), sums in amounts.items():
        named = {"dimension": dimension, "granularity": fold.coarse, "bucket": bucket, "value": value}
        changed = {name: amount for name, amount in sums.items() if amount}
        highest = ranks[bucket, value]
        if changed or highest:
            change = ({"$inc": changed} if changed else {}) | ({"$max": highest} if highest else {})
            yield UpdateOne(
                {"_id": counter_id(lane, dimension, bucket, value)},
                change | {"$setOnInsert": named | {"lane": lane}},
                upsert=True,
            )
