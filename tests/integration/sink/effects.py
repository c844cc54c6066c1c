"""What batches write in these tests, and what is found afterwards."""

from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import CHECKPOINTS, CHUNK_RESULTS, COUNTERS, POSTS, Document
from stream_processors.sink.transaction import Changes, Prepare, Sink

LANE = "posts.v1/0"


def document(post_id: str, offset: int, words: int = 1) -> Document:
    """An analyzed post."""
    return {
        "_id": post_id,
        "partition": 0,
        "offset": offset,
        "state": "analyzed",
        "created_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "analysis": {"num_of_words": words, "num_of_characters": 10 * words},
    }


def put(*documents: Document) -> Prepare:
    """Put these documents in the place of what is there."""

    async def prepare(changes: Changes) -> None:
        before = await changes.posts(document["_id"] for document in documents)
        for after in documents:
            changes.put(before.get(after["_id"]), after)

    return prepare


async def write_now(sink: Sink, changes: Changes) -> None:
    """Write the posts at once, with the transaction still open."""
    changes.post_writes, writes = [], changes.post_writes
    await sink._bulk(POSTS.name, writes, changes._session)


async def totals(database: AsyncDatabase[Document]) -> dict[str, int]:
    """The sums of the volume over all lanes."""
    sums: dict[str, int] = {}
    async for counter in database[COUNTERS.name].find({"dimension": "volume"}):
        for name in ("posts", "words", "characters"):
            sums[name] = sums.get(name, 0) + counter.get(name, 0)
    return sums


async def position(database: AsyncDatabase[Document], lane: str = LANE) -> Any:
    found = await database[CHECKPOINTS.name].find_one({"_id": lane})
    return found and found["next"]


async def everything(database: AsyncDatabase[Document]) -> dict[str, list[Document]]:
    """All collections but the sessions in the checkpoints, which change hands without effects."""
    found: dict[str, list[Document]] = {}
    for collection in (POSTS, COUNTERS, CHECKPOINTS, CHUNK_RESULTS):
        found[collection.name] = [
            document async for document in database[collection.name].find({}, {"session": 0}).sort("_id")
        ]
    return found
