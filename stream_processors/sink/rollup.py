"""Counters are folded: deltas into hours within seconds, and with age minutes into hours and hours into days.

What is counted in a window is the sum of all documents whose bucket lies in it, whatever their granularity, and a
piece is folded in one transaction: no sum ever changes, wherever this stops. A change of an old post (a delete,
another version) is counted where it always is, in a fine bucket, and folded the next time. Days that are kept no
longer leave what they add up to, without values, so that generations can still be compared.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

import structlog
from pymongo import ASCENDING, DeleteMany, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from postpulse.collections import COUNTER_DELTAS, COUNTERS, GENERATIONS, Document
from postpulse.generations.state import read_state
from postpulse.mongo.lease import Lease
from postpulse.settings import CountersSettings
from postpulse.telemetry.metrics import COUNTERS_FOLDED
from stream_processors.sink.counters import CounterSums, counter_update, nonzero

log = structlog.get_logger(__name__)

#: Queries read what is not folded yet as lists, which takes longer; but the more is folded at once, the less it is.
_DELTAS_SECONDS = 10.0
_LOOK_SECONDS = 60.0
#: Documents of deltas in one transaction, and counters that they change.
_MOST_DELTAS = 1_000
_MOST_COUNTERS = 5_000
#: Counters that are written in one command.
_AT_ONCE = 500
#: Documents in one transaction: some tens of milliseconds.
_PIECE = 1_000
#: Between two pieces: live posts come first.
_PAUSE_SECONDS = 0.05
_KEYS = ("_id", "dimension", "granularity", "bucket", "value", "lane")
_DELTA_KEYS = ("_id", "lane", "bucket")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


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
    looked = float("-inf")
    while True:
        try:
            await fold_deltas(database, turn)
            if time.monotonic() - looked > _LOOK_SECONDS:
                await fold_all(database, settings, turn, datetime.now(UTC))
                looked = time.monotonic()
        except PyMongoError as exc:
            log.warning("counters are not folded", reason=str(exc)[:200])
        await asyncio.sleep(_DELTAS_SECONDS)


async def fold_deltas(database: AsyncDatabase[Document], turn: Lease) -> int:
    """Add up what batches have left in every generation that is written; returns of how many documents.

    Raises:
        PyMongoError: there is no answer; what was folded is.
    """
    folded = 0
    for number in (await read_state(database[GENERATIONS.name])).written:
        counters, deltas = (database[each.name_in(number)] for each in (COUNTERS, COUNTER_DELTAS))
        is_more = True
        # Until the lists are few, not until there are none: under load there always are.
        while is_more and await turn.hold():
            taken, is_more = await _fold_deltas(counters, deltas)
            folded += taken
            await asyncio.sleep(_PAUSE_SECONDS)
    return folded


async def _fold_deltas(
    counters: AsyncCollection[Document], deltas: AsyncCollection[Document]
) -> tuple[int, bool]:
    """Fold a piece; returns of how many documents, and whether it was not all."""

    async def piece(session: AsyncClientSession) -> tuple[int, bool]:
        sums, gone = CounterSums(), []
        async with deltas.find(session=session).sort("_id", ASCENDING).limit(_MOST_DELTAS) as found:
            async for document in found:
                gone.append(document["_id"])
                for dimension, rows in document.items():
                    if dimension in _DELTA_KEYS:
                        continue
                    hour = dimension, "hour", document["bucket"]
                    # Registers, by their numbers.
                    if isinstance(rows, dict):
                        sums.rank((*hour, ""), rows)
                        continue
                    for row in rows:
                        sums.count((*hour, row.pop("value")), row)
                if len(sums.amounts) > _MOST_COUNTERS:
                    break
                # A list takes a millisecond; posts are worked on in the same loop.
                await asyncio.sleep(0)
        is_full = len(gone) == _MOST_DELTAS or len(sums.amounts) > _MOST_COUNTERS
        updates = _updates(sums)
        # What cancels out leaves none.
        while some := list(islice(updates, _AT_ONCE)):
            await counters.bulk_write(some, ordered=False, session=session)
        if gone:
            await deltas.delete_many({"_id": {"$in": gone}}, session=session)
        return len(gone), is_full

    return await _transaction(counters, piece)


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

    return await _transaction(counters, piece)


async def _transaction(
    counters: AsyncCollection[Document], piece: Callable[[AsyncClientSession], Awaitable[_T]]
) -> _T:
    async with counters.database.client.start_session() as session:
        return await session.with_transaction(
            piece,
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", j=True),
        )


def _sums(dimension: str, fold: _Fold, documents: list[Document]) -> Iterator[UpdateOne]:
    sums = CounterSums()
    for document in documents:
        bucket, value = fold.bucket(document["bucket"]), fold.value(document["value"])
        key = dimension, fold.coarse, bucket, value
        sums.rank(key, document.pop("registers", {}))
        sums.count(key, {name: amount for name, amount in document.items() if name not in _KEYS})
    return _updates(sums)


def _updates(sums: CounterSums) -> Iterator[UpdateOne]:
    """The writes to the counters of the lanes that folds write: rollup/hour, rollup/day, rollup/past."""
    for key in sums.amounts.keys() | sums.ranks.keys():
        changed = nonzero(sums.amounts.get(key, {}))
        ranks = {f"registers.{register}": rank for register, rank in sums.ranks.get(key, {}).items()}
        if changed or ranks:
            change = ({"$inc": changed} if changed else {}) | ({"$max": ranks} if ranks else {})
            yield counter_update(f"rollup/{key[1]}", key, change)
