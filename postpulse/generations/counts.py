"""What a generation holds, in numbers, and whether two of them agree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import COUNTER_DELTAS, COUNTERS, POSTS, Document

#: States that are compared. Markers of deleted posts are not: the log forgets a tombstone in time, and a
#: generation that is built later has no marker of it.
_COMPARED = ("analyzed", "analyzing", "dead")
_STATES = (*_COMPARED, "deleted")
#: Fields of a counter that are no amounts. Registers only rise: an older generation has those of deleted posts.
_KEYS = ("_id", "dimension", "granularity", "bucket", "value", "lane", "registers")


@dataclass(frozen=True, slots=True)
class Counts:
    """What a generation holds.

    Attributes:
        posts: state -> documents of posts.
        versions: analyzed posts by the versions of the analysis and of the counters.
        counters: dimension -> amount -> sum over all buckets, values and lanes.
    """

    posts: dict[str, int]
    versions: dict[tuple[int, int], int]
    counters: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that two generations do not agree on."""

    what: str
    current: int
    other: int

    def __str__(self) -> str:
        return f"{self.what} {self.other} instead of {self.current}"


async def count(database: AsyncDatabase[Document], numbers: Iterable[int]) -> dict[int, Counts]:
    """What these generations hold, all at the same moment: live posts, which go to all at once, make no difference.

    Raises:
        PyMongoError: there is no answer.
    """
    async with database.client.start_session(snapshot=True) as session:
        return {number: await _count(database, number, session) for number in numbers}


async def compare(database: AsyncDatabase[Document], current: int, other: int) -> list[Difference]:
    """What two generations do not agree on; empty where they agree. Raises as `count`."""
    counts = await count(database, (current, other))
    return differences(counts[current], counts[other])


def differences(current: Counts, other: Counts) -> list[Difference]:
    """What two generations do not agree on.

    They must hold as many posts, in the other one no more of them dead or under way, and all that are analyzed
    there must be counted there. (Of a later reading, fewer may be dead, and a long post may be analyzed sooner.)
    Where as many are analyzed, all by one version, everything that is counted must agree.
    """
    found = []
    posts, others = (sum(counts.posts[state] for state in _COMPARED) for counts in (current, other))
    if posts != others:
        found.append(Difference("posts", posts, others))
    found += [
        Difference(f"posts {state}", current.posts[state], other.posts[state])
        for state in ("analyzing", "dead")
        if other.posts[state] > current.posts[state]
    ]
    analyzed, counted = other.posts["analyzed"], other.counters.get("volume", {}).get("posts", 0)
    if counted != analyzed:
        found.append(Difference("posts counted", analyzed, counted))
    versions = current.versions.keys() | other.versions.keys()
    if current.posts["analyzed"] == analyzed and len(versions) <= 1:
        found += _amounts(current.counters, other.counters)
    return found


def _amounts(current: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> Iterator[Difference]:
    for dimension in sorted(current.keys() | other.keys()):
        one, two = current.get(dimension, {}), other.get(dimension, {})
        for name in sorted(one.keys() | two.keys()):
            if one.get(name, 0) != two.get(name, 0):
                yield Difference(f"{dimension} {name}", one.get(name, 0), two.get(name, 0))


async def _count(database: AsyncDatabase[Document], number: int, session: AsyncClientSession) -> Counts:
    posts = dict.fromkeys(_STATES, 0)
    versions: dict[tuple[int, int], int] = {}
    by_state: list[Document] = [
        {"$match": {"state": {"$in": list(_STATES)}}},
        {
            "$group": {
                "_id": {
                    "state": "$state",
                    "analysis": "$analysis_version",
                    "counters": "$counters_version",
                },
                "posts": {"$sum": 1},
            }
        },
    ]
    async for row in await database[POSTS.name_in(number)].aggregate(by_state, session=session):
        posts[row["_id"]["state"]] += row["posts"]
        if row["_id"]["state"] == "analyzed":
            version = row["_id"].get("analysis", 0), row["_id"].get("counters", 1)
            versions[version] = versions.get(version, 0) + row["posts"]
    counters: dict[str, dict[str, int]] = {}
    whole: list[Document] = [{"$project": {"dimension": 1, "amount": {"$objectToArray": "$$ROOT"}}}]
    sums: list[Document] = [
        {"$unwind": "$amount"},
        {"$match": {"amount.k": {"$nin": list(_KEYS)}}},
        {
            "$group": {
                "_id": {"dimension": "$dimension", "name": "$amount.k"},
                "sum": {"$sum": "$amount.v"},
            }
        },
    ]
    listed: list[Document] = [
        {"$project": {"list": {"$objectToArray": "$$ROOT"}}},
        {"$unwind": "$list"},
        {"$match": {"list.v": {"$type": "array"}}},
        {"$unwind": "$list.v"},
        {"$project": {"dimension": "$list.k", "amount": {"$objectToArray": "$list.v"}}},
    ]
    for collection, rows in ((COUNTERS, whole), (COUNTER_DELTAS, listed)):
        stages = [*rows, *sums]
        async for row in await database[collection.name_in(number)].aggregate(stages, session=session):
            of = counters.setdefault(row["_id"]["dimension"], {})
            of[row["_id"]["name"]] = of.get(row["_id"]["name"], 0) + int(row["sum"])
    return Counts(posts, dict(sorted(versions.items())), counters)
