"""Sums over counter documents, made by MongoDB. Every question reads one range of the index a granularity."""

import math
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from bson import Timestamp
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from postpulse.collections import COUNTER_DELTAS, COUNTERS, Document
from postpulse.counting.dimensions import AUTHORS, Dimension
from postpulse.counting.rows import counter_rows
from query_api.counters.kept import EPOCH, Window
from query_api.queries.current import CurrentGeneration

#: Name of an amount -> its sum.
Amounts = Mapping[str, int]
Order = Literal["count", "change"]
_ORDERS: dict[Order, Document] = {
    "count": {"count": -1, "_id": 1},
    "change": {"difference": -1, "count": -1, "_id": 1},
}
_SNAPSHOT: Document = {"level": "snapshot"}
_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 24 * 60
_T = TypeVar("_T")


class Sums:
    """What the counters say; several questions may be asked at the same time.

    Each raises PyMongoError where there is no answer.

    Args:
        counters, deltas: the collections of one generation.
        moment: of which all answers are; None for the latest one, of each.
    """

    def __init__(
        self, database: AsyncDatabase[Document], counters: str, deltas: str, moment: Timestamp | None
    ) -> None:
        self._database = database
        self._counters = counters
        self._deltas = deltas
        # Not by sessions: one takes a question at a time, and PyMongo has no way to give several the same moment.
        self._concern: Document = _SNAPSHOT if moment is None else {**_SNAPSHOT, "atClusterTime": moment}

    async def total(self, dimension: Dimension, window: Window) -> Amounts:
        """The sums over all of its values."""
        rows = await self._rows(dimension, window, None, {"$group": {"_id": None, **_sums(dimension)}})
        return _amounts(dimension, rows[0]) if rows else dict.fromkeys(dimension.amounts, 0)

    async def most(
        self, dimension: Dimension, window: Window, limit: int
    ) -> tuple[list[tuple[str, int]], int, int]:
        """The values with the most posts and how many those are; how many other values there are; their posts."""
        rows = await self._rows(
            dimension,
            window,
            None,
            {"$group": {"_id": "$value", "posts": {"$sum": "$posts"}}},
            {"$match": {"posts": {"$gt": 0}}},
            {
                "$facet": {
                    "most": [{"$sort": {"posts": -1, "_id": 1}}, {"$limit": limit}],
                    "all": [{"$group": {"_id": None, "values": {"$sum": 1}, "posts": {"$sum": "$posts"}}}],
                }
            },
        )
        most = [(row["_id"], int(row["posts"])) for row in rows[0]["most"]]
        every = rows[0]["all"][0] if most else {"values": 0, "posts": 0}
        others = int(every["posts"]) - sum(posts for _, posts in most)
        return most, int(every["values"]) - len(most), others

    async def series(
        self, dimension: Dimension, edges: Sequence[datetime], value: str | None = None
    ) -> list[dict[str, int]]:
        """The sums between every two edges, of one value or of all."""
        points = [dict.fromkeys(dimension.amounts, 0) for _ in edges[1:]]
        for row in await self._rows(
            dimension,
            Window(edges[0], edges[-1]),
            value,
            {"$group": {"_id": _bin(edges), **_sums(dimension)}},
        ):
            point = points[bisect_right(edges, row["_id"]) - 1]
            for name, amount in _amounts(dimension, row).items():
                point[name] += amount
        return points

    async def series_by_value(
        self, dimension: Dimension, edges: Sequence[datetime], values: Sequence[str]
    ) -> list[dict[str | None, int]]:
        """How many posts each of some values has between every two edges; all others under None."""
        points: list[dict[str | None, int]] = [{} for _ in edges[1:]]
        known = {"$cond": [{"$in": ["$value", {"$literal": list(values)}]}, "$value", None]}
        for row in await self._rows(
            dimension,
            Window(edges[0], edges[-1]),
            None,
            {"$group": {"_id": {"bin": _bin(edges), "value": known}, "posts": {"$sum": "$posts"}}},
        ):
            point = points[bisect_right(edges, row["_id"]["bin"]) - 1]
            value = row["_id"]["value"]
            point[value] = point.get(value, 0) + int(row["posts"])
        return points

    async def trends(
        self, dimension: Dimension, before: Window, window: Window, limit: int, order: Order
    ) -> Document:
        """The first values of a window, and how often each count is there in it and in the window before.

        Returns:
            `first`: a list of {_id, count, before}; `counts` and `befores`: lists of {_id: count, values}.
        """
        current = {"$gte": ["$bucket", window.since]}
        (found,) = await self._rows(
            dimension,
            Window(before.since, window.until),
            None,
            {
                "$group": {
                    "_id": "$value",
                    "count": {"$sum": {"$cond": [current, "$posts", 0]}},
                    "before": {"$sum": {"$cond": [current, 0, "$posts"]}},
                }
            },
            {
                "$facet": {
                    "first": [
                        {"$match": {"count": {"$gt": 0}}},
                        {"$set": {"difference": {"$subtract": ["$count", "$before"]}}},
                        {"$sort": _ORDERS[order]},
                        {"$limit": limit},
                    ],
                    **{
                        f"{name}s": [
                            {"$match": {name: {"$gt": 0}}},
                            {"$group": {"_id": f"${name}", "values": {"$sum": 1}}},
                        ]
                        for name in ("count", "before")
                    },
                }
            },
        )
        return found

    async def registers(self, window: Window) -> dict[str, int]:
        """Of the distinct authors: index -> highest rank."""
        rows = await self._rows(
            AUTHORS,
            window,
            None,
            {"$project": {"register": {"$objectToArray": "$registers"}}},
            {"$unwind": "$register"},
            {"$group": {"_id": "$register.k", "rank": {"$max": "$register.v"}}},
        )
        return {row["_id"]: int(row["rank"]) for row in rows}

    async def _rows(
        self, dimension: Dimension, window: Window, value: str | None, *stages: Document
    ) -> list[Document]:
        buckets = {"$gte": window.since, "$lt": window.until}
        rows = counter_rows(self._deltas, dimension, buckets, value)

        async def ask() -> list[Document]:
            found = await self._database.cursor_command(
                "aggregate",
                self._counters,
                pipeline=[*rows, *stages],
                cursor={},
                allowDiskUse=True,
                readConcern=self._concern,
                read_preference=self._database.read_preference,
                codec_options=self._database.codec_options,
            )
            return await found.to_list()

        return await _asked(ask)


class CounterReads:
    """Reads the counters of the current generation."""

    def __init__(self, database: AsyncDatabase[Document], current: CurrentGeneration) -> None:
        self._database = database
        self._current = current

    async def latest(self) -> Sums:
        """For one question; what is being written or folded meanwhile counts once.

        Raises:
            PyMongoError: there is no answer.
        """
        return await self._sums(None)

    async def at_once(self) -> Sums:
        """For several questions, whose answers are of one and the same moment. Raises as `latest`."""
        number = await self._current.number()

        async def ask() -> Document:
            return await self._database.command(
                "find",
                COUNTERS.name_in(number),
                projection={"_id": 1},
                limit=1,
                singleBatch=True,
                readConcern=_SNAPSHOT,
                read_preference=self._database.read_preference,
            )

        # Of a collection that is not there, MongoDB says nothing, and no moment of it.
        return await self._sums((await _asked(ask))["cursor"].get("atClusterTime"))

    async def _sums(self, moment: Timestamp | None) -> Sums:
        number = await self._current.number()
        names = COUNTERS.name_in(number), COUNTER_DELTAS.name_in(number)
        return Sums(self._database, *names, moment)


async def _asked(ask: Callable[[], Awaitable[_T]]) -> _T:
    """An answer, asked for again where the primary has changed or a connection is lost: PyMongo does not."""
    try:
        return await ask()
    except AutoReconnect:
        return await ask()


def _sums(dimension: Dimension) -> Document:
    return {name: {"$sum": f"${name}"} for name in dimension.amounts}


def _amounts(dimension: Dimension, row: Mapping[str, Any]) -> Amounts:
    # Larger numbers come from MongoDB as a type of its own.
    return {name: int(row[name]) for name in dimension.amounts}


def _bin(edges: Sequence[datetime]) -> Document:
    """The widest bins of UTC that no edge divides, so that few rows come back; zones are left to Python."""
    minutes = math.gcd(_DAY_MINUTES, *((edge - EPOCH) // _MINUTE for edge in edges))
    return {"$dateTrunc": {"date": "$bucket", "unit": "minute", "binSize": minutes}}
