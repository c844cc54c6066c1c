"""Counters by time bucket: how the difference between two states of posts is written.

Every counter is a sum of integers, so that posts can be taken out again exactly (a delete, an edit, another
version of the analysis). A counter document is written by one lane (the topic and partition of a batch) alone:
concurrent workers never conflict on one, and queries sum over lanes. One lane may stand below zero; the sum
never does. What is counted stands in `postpulse.counting.dimensions`.

What is counted by the minute has few values: a batch changes some documents. What is counted by the hour has many,
such as keywords, and a change of each would cost more than all else about a post. So a batch leaves one list of
them, its deltas, and `stream_processors.sink.rollup` adds up those of many batches at once.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from pymongo import InsertOne, UpdateOne

from postpulse.collections import Document
from postpulse.counting.dimensions import DIMENSIONS

#: Rows of one document of deltas: values of 200 characters, four bytes each, stay far below MongoDB's 16 MiB.
_MOST_ROWS = 5_000

#: What each dimension counts, and since which version.
_COUNTED = [(each, since, counts) for each in DIMENSIONS for since, counts in each.counts.items()]

#: A dimension, granularity, bucket and value.
Key = tuple[str, str, datetime, str]


class CounterSums:
    """What is to be written to counters.

    Attributes:
        amounts: of each counter, by their names; integers, which add up.
        ranks: of each counter, by their registers; the highest stands.
    """

    def __init__(self) -> None:
        self.amounts: dict[Key, dict[str, int]] = {}
        self.ranks: dict[Key, dict[str, int]] = {}

    def count(self, key: Key, amounts: Mapping[str, int], sign: Literal[1, -1] = 1) -> None:
        total = self.amounts.setdefault(key, {})
        for name, amount in amounts.items():
            total[name] = total.get(name, 0) + sign * amount

    def rank(self, key: Key, ranks: Mapping[str, int]) -> None:
        highest = self.ranks.setdefault(key, {})
        for register, rank in ranks.items():
            highest[register] = max(rank, highest.get(register, 0))


class CounterChanges(CounterSums):
    """The sum of what some posts add and take away."""

    def add(self, post: Document | None, sign: Literal[1, -1] = 1) -> None:
        """Add what a post document counts, or take it away; without an analysis it counts nothing."""
        if post is None or post["state"] != "analyzed":
            return
        counted = post.get("counters_version", 1)
        minute = post["created_at"].replace(second=0, microsecond=0)
        hour = minute.replace(minute=0)
        for dimension, since, counts in _COUNTED:
            if since > counted or (dimension.ranks and sign < 0):
                continue
            bucket = minute if dimension.base == "minute" else hour
            for value, amounts in counts(post):
                key = (dimension.name, dimension.base, bucket, value)
                if dimension.ranks:
                    self.rank(key, amounts)
                else:
                    self.count(key, amounts, sign)

    def updates(self, lane: str) -> Iterator[UpdateOne]:
        """The writes that bring the lane's counters up to date; those that cancel out are left out."""
        for key, amounts in self.amounts.items():
            if key[1] == "minute" and (changed := nonzero(amounts)):
                yield counter_update(lane, key, {"$inc": changed})

    def deltas(self, lane: str) -> Iterator[InsertOne[Document]]:
        """What is to be added to counters by the hour, as lists; what cancels out is left out."""
        rows: dict[datetime, list[tuple[str, Document]]] = {}
        for (dimension, granularity, bucket, value), amounts in self.amounts.items():
            if granularity == "hour" and (changed := nonzero(amounts)):
                rows.setdefault(bucket, []).append((dimension, {"value": value, **changed}))
        ranks: dict[datetime, Document] = {}
        for (dimension, _, bucket, _), highest in self.ranks.items():
            ranks.setdefault(bucket, {})[dimension] = highest
        for bucket in rows.keys() | ranks.keys():
            of_bucket = rows.get(bucket, [])
            for start in range(0, max(len(of_bucket), 1), _MOST_ROWS):
                document: Document = {"lane": lane, "bucket": bucket}
                for dimension, row in of_bucket[start : start + _MOST_ROWS]:
                    document.setdefault(dimension, []).append(row)
                yield InsertOne(document | (ranks.get(bucket, {}) if not start else {}))


def nonzero(amounts: dict[str, int]) -> dict[str, int]:
    """What there is to add."""
    return {name: amount for name, amount in amounts.items() if amount}


def counter_update(lane: str, key: Key, change: Document) -> UpdateOne:
    """A change of the counter of a dimension, granularity, bucket and value in a lane, made where it is missing."""
    dimension, granularity, bucket, value = key
    return UpdateOne(
        {"_id": counter_id(lane, dimension, bucket, value)},
        change
        | {
            "$setOnInsert": {
                "dimension": dimension,
                "granularity": granularity,
                "bucket": bucket,
                "value": value,
                "lane": lane,
            },
        },
        upsert=True,
    )


def counter_id(lane: str, dimension: str, bucket: datetime, value: str) -> str:
    """The _id of a counter document; a lane has one granularity in each dimension."""
    return f"{lane}|{dimension}|{bucket:%Y-%m-%dT%H:%M}|{value}"
