"""A database of analyzed posts and their counters, as workers leave it after a month."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from benchmarks.analysis.posts import load
from postpulse.collections import COUNTER_DELTAS, COUNTERS, POSTS, Document, apply_collections
from postpulse.events import Place, Post
from postpulse.mongo.client import connect
from postpulse.mongo.lease import Lease
from postpulse.post_ids import PostIds
from postpulse.settings import CountersSettings, MongoSettings
from stream_processors.analysis import analyze
from stream_processors.sink import posts as sink
from stream_processors.sink import rollup
from stream_processors.sink.counters import CounterChanges

_DAYS = 30
_PARTITIONS = 6
_AUTHORS = 5_000
_HASHTAGS = 500
_BATCH = 10_000
_TAGS = ("launch", "support", "press", "beta", "events")
_SOURCES = ("web", "android", "ios", "api")


@dataclass(frozen=True)
class Filled:
    """What there is to ask for; authors, hashtags and languages as often as posts have them."""

    post_ids: list[str]
    authors: list[str]
    hashtags: list[str]
    languages: list[str]


async def fill(settings: MongoSettings, ids: PostIds, number: int, say: Callable[[str], None]) -> Filled:
    """Write so many posts of the last thirty days, and what is counted of them, folded.

    Args:
        say: told of the progress.
    """
    chance = random.Random(1)
    now = datetime.now(UTC)
    contents = _contents(chance)
    metrics = [analyze(content) for content in contents]
    say(f"{len(contents):,} texts analyzed")
    filled = Filled([], [], [], [])
    # Counts by the minute are kept so long. What is older is counted at its full hour: folded it is the same.
    fine = now.replace(hour=0, minute=0) - timedelta(days=CountersSettings().minute_days)
    async with connect(settings, "benchmark") as client:
        database = client[settings.database]
        await apply_collections(database)
        times = sorted(now - timedelta(days=_DAYS) * chance.random() for _ in range(number))
        for begin in range(0, number, _BATCH):
            documents = []
            changes = [CounterChanges() for _ in range(_PARTITIONS)]
            for offset in range(begin, min(number, begin + _BATCH)):
                which = chance.randrange(len(contents))
                place = Place(chance.randrange(_PARTITIONS), offset)
                document = _document(chance, ids, contents[which], metrics[which], times[offset], place)
                documents.append(document)
                counted_at = times[offset] if times[offset] > fine else times[offset].replace(minute=0)
                changes[place.partition].add({**document, "created_at": counted_at})
                filled.post_ids.append(document["_id"])
                filled.authors.append(document["author"])
                filled.hashtags.extend(document["analysis"]["hashtags"])
                filled.languages.append(document["analysis"]["language"])
            await database[POSTS.name].insert_many(documents, ordered=False)
            await _count(database, changes)
        say(f"{number:,} posts written")
        # Nobody else is to be let in between.
        vars(rollup)["_PAUSE_SECONDS"] = 0.0
        turn = Lease(database, "counters", "benchmark")
        folded = await rollup.fold_deltas(database, turn)
        folded += await rollup.fold_all(database, CountersSettings(), turn, now)
        say(f"{folded:,} documents of counters folded")
    return filled


async def _count(database: AsyncDatabase[Document], changes: list[CounterChanges]) -> None:
    for partition, change in enumerate(changes):
        lane = f"posts.v1/{partition}"
        if updates := list(change.updates(lane)):
            await database[COUNTERS.name].bulk_write(updates, ordered=False)
        if deltas := list(change.deltas(lane)):
            await database[COUNTER_DELTAS.name].bulk_write(deltas, ordered=False)


def _contents(chance: random.Random) -> list[str]:
    """The texts of the posts; every other one with hashtags, a few of which are in most."""
    return [
        content if number % 2 else f"{content} #topic{_often_low(chance, _HASHTAGS)}"
        for number, content in enumerate(load().texts)
    ]


def _document(
    chance: random.Random, ids: PostIds, content: str, metrics: dict[str, Any], at: datetime, place: Place
) -> Document:
    milliseconds = int(at.timestamp() * 1000)
    post = Post(
        post_id=ids.mint(),
        content=content,
        created_at=milliseconds,
        received_at=milliseconds + 1000,
        author=f"author{_often_low(chance, _AUTHORS)}",
        lang=chance.choice(("en", "en", "en", "de", "fr", None)),
        source=chance.choice(_SOURCES),
        tags=tuple(chance.sample(_TAGS, chance.randrange(3))),
    )
    return sink.analyzed(sink.received(post, place, 1), metrics, 350)


def _often_low(chance: random.Random, numbers: int) -> int:
    return int(chance.random() ** 3 * numbers)
