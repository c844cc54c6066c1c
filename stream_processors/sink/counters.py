"""Counters by time bucket: what one post adds to them, and how the difference between two states is written.

Every counter is a sum of integers, so that posts can be taken out again exactly (a delete, an edit, another
version of the analysis). A counter document is written by one lane (the topic and partition of a batch) alone:
concurrent workers never conflict on one, and queries sum over lanes. One lane may stand below zero; the sum
never does.

To count something more, add its dimension to `DIMENSIONS`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pymongo import UpdateOne

from postpulse.collections import Document

Granularity = Literal["minute", "hour"]
#: Field name -> amount.
Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that posts are counted by.

    Attributes:
        name: as queries name it.
        granularity: the width of its time buckets.
        values: which of its values a post counts under; none leaves it out.
        amounts: what a post adds under each of them.
    """

    name: str
    granularity: Granularity
    values: Callable[[Document], Iterable[str]]
    amounts: Callable[[Document], Amounts]


def _one(_: Document) -> Iterable[str]:
    return ("",)


def _optional(field: str) -> Callable[[Document], Iterable[str]]:
    def values(post: Document) -> Iterable[str]:
        value = post.get(field)
        return () if value is None else (value,)

    return values


def _volume(post: Document) -> Amounts:
    analysis = post["analysis"]
    return {"posts": 1, "words": analysis["num_of_words"], "characters": analysis["num_of_characters"]}


def _posts(_: Document) -> Amounts:
    return {"posts": 1}


DIMENSIONS = (
    Dimension("volume", "minute", _one, _volume),
    Dimension("language", "minute", _optional("lang"), _posts),
    Dimension("author", "hour", _optional("author"), _volume),
)

_Key = tuple[str, Granularity, datetime, str]


class CounterChanges:
    """The sum of what some posts add and take away."""

    def __init__(self) -> None:
        self._amounts: dict[_Key, dict[str, int]] = {}

    def add(self, post: Document | None, sign: Literal[1, -1] = 1) -> None:
        """Add what a post document counts, or take it away; without an analysis it counts nothing."""
        if post is None or post["state"] != "analyzed":
            return
        for dimension in DIMENSIONS:
            bucket = _bucket(post["created_at"], dimension.granularity)
            amounts = dimension.amounts(post)
            for value in dimension.values(post):
                key = (dimension.name, dimension.granularity, bucket, value)
                total = self._amounts.setdefault(key, {})
                for name, amount in amounts.items():
                    total[name] = total.get(name, 0) + sign * amount

    def updates(self, lane: str) -> Iterator[UpdateOne]:
        """The writes that bring the lane's counters up to date; those that cancel out are left out."""
        for (dimension, granularity, bucket, value), amounts in self._amounts.items():
            changed = {name: amount for name, amount in amounts.items() if amount}
            if changed:
                yield UpdateOne(
                    {"_id": f"{lane}|{dimension}|{bucket:%Y-%m-%dT%H:%M}|{value}"},
                    {
                        "$inc": changed,
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


def _bucket(time: datetime, granularity: Granularity) -> datetime:
    time = time.replace(second=0, microsecond=0)
    return time if granularity == "minute" else time.replace(minute=0)
