"""Replays in MongoDB, as workers see them: what is to be done, who does it, how far it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import Int64
from pymongo import ASCENDING, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import CHECKPOINTS, REPLAYS, Document
from postpulse.replays import OPEN


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a replay wants of its copies.

    Attributes:
        over: nothing any more: they are let go.
        generation: to fill this one; to correct posts in place where it is None.
    """

    over: bool
    generation: int | None


class Replays:
    """Questions and changes; each raises PyMongoError when there is no answer."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._replays = database[REPLAYS.name]
        self._checkpoints = database[CHECKPOINTS.name]

    async def wanted(self, ids: Iterable[str]) -> dict[str, Wanted]:
        """What is to be done with copies for these replays; those that are known."""
        fields = {"state": 1, "generation": 1}
        found = self._replays.find({"_id": {"$in": list(ids)}}, fields)
        return {
            each["_id"]: Wanted(each["state"] in ("cancelled", "failed"), each.get("generation"))
            async for each in found
        }

    async def fail(self, replay: str, reason: str) -> None:
        """End a replay that cannot go on, unless it is over."""
        failed = {"state": "failed", "reason": reason, "ended_at": datetime.now(UTC)}
        await self._replays.update_one({"_id": replay, "state": {"$in": OPEN}}, {"$set": failed})

    async def next(self) -> Document | None:
        """The one that is running, else the first one that waits; None where there is nothing to do."""
        for state in ("running", "waiting"):
            found = await self._replays.find_one({"state": state}, sort=[("_id", ASCENDING)])
            if found is not None:
                return found
        return None

    async def change(self, replay: Document, **fields: object) -> Document | None:
        """Set fields of a replay that is not over; returns it as it is then, None where it is over."""
        return await self._replays.find_one_and_update(
            {"_id": replay["_id"], "state": {"$in": OPEN}},
            {"$set": fields},
            return_document=ReturnDocument.AFTER,
        )

    async def copied(self, replay: Document, following: Mapping[int, int], records: int) -> Document | None:
        """Spans were copied, each (by its index) up to an offset; as `change`."""
        nexts = {f"spans.{index}.next": Int64(offset) for index, offset in following.items()}
        return await self._replays.find_one_and_update(
            {"_id": replay["_id"], "state": "running"},
            {"$set": nexts, "$inc": {"copied": records}},
            return_document=ReturnDocument.AFTER,
        )

    async def is_open(self, replay: Document) -> bool:
        return (
            await self._replays.find_one({"_id": replay["_id"], "state": {"$in": OPEN}}, {"_id": 1})
            is not None
        )

    async def looked_at(self, lane: str) -> dict[int, int]:
        """By partition, the first offset of posts-replay.v1 without effects."""
        found = self._checkpoints.find({"_id": {"$regex": f"^{lane.replace('.', '[.]')}/"}}, {"next": 1})
        return {int(kept["_id"].rpartition("/")[2]): int(kept["next"]) async for kept in found}
