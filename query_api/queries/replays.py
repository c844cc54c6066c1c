"""Replays: asked for, looked at, cancelled. Returns data, knows no HTTP."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo import DESCENDING, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import LOGS, POSTS, REPLAY_EFFECTS, REPLAYS, Document
from postpulse.log_numbers import lowered, number_in
from postpulse.replays import EFFECTS, OPEN, offsets_of
from postpulse.topics import POSTS as POSTS_TOPIC
from query_api.queries.current import CurrentGeneration
from query_api.queries.posts import rfc_3339

_ANSWER_SECONDS = 10.0


class ReplayQueries:
    """Questions and changes; each raises PyMongoError when there is no answer within ten seconds."""

    def __init__(self, database: AsyncDatabase[Document], current: CurrentGeneration) -> None:
        self._replays = database[REPLAYS.name]
        self._effects = database[REPLAY_EFFECTS.name]
        self._current = current
        self._logs = database[LOGS.name]

    async def add(self, replay: Document) -> None:
        with pymongo.timeout(_ANSWER_SECONDS):
            await self._replays.insert_one(replay)

    async def page(self, after: str | None, limit: int) -> tuple[list[Document], str | None]:
        """Views of replays, newest first, and the id after which the next page begins; None on the last."""
        with pymongo.timeout(_ANSWER_SECONDS):
            found = self._replays.find({} if after is None else {"_id": {"$lt": after}})
            replays = await found.sort("_id", DESCENDING).limit(limit + 1).to_list()
            more, replays = len(replays) > limit, replays[:limit]
            effects = await self._effects_of([replay["_id"] for replay in replays])
        views = [replay_view(replay, effects.get(replay["_id"], {})) for replay in replays]
        return views, replays[-1]["_id"] if more else None

    async def one(self, replay_id: str) -> Document | None:
        """The view of a replay."""
        with pymongo.timeout(_ANSWER_SECONDS):
            found = await self._replays.find_one({"_id": replay_id})
            if found is None:
                return None
            effects = await self._effects_of([replay_id])
        return replay_view(found, effects.get(replay_id, {}))

    async def cancel(self, replay_id: str) -> Document | None:
        """Cancel a replay unless it is over; its view as it is then."""
        cancelled = {"state": "cancelled", "ended_at": datetime.now(UTC)}
        with pymongo.timeout(_ANSWER_SECONDS):
            await self._replays.find_one_and_update(
                {"_id": replay_id, "state": {"$in": OPEN}},
                {"$set": cancelled},
                return_document=ReturnDocument.AFTER,
            )
        return await self.one(replay_id)

    async def places(self, post_ids: Sequence[str]) -> tuple[dict[str, list[int]], list[str]]:
        """Where the records of posts stand: ascending offsets by partition; and the ids of those that have none.

        A post whose record was in a log of posts.v1 that is no more has none.
        """
        with pymongo.timeout(_ANSWER_SECONDS):
            found = (await self._current.collection(POSTS)).find(
                {"_id": {"$in": list(post_ids)}}, {"state": 1, "partition": 1, "offset": 1}
            )
            posts = {post["_id"]: post for post in await found.to_list() if post["state"] != "deleted"}
            logs = await self._logs.find_one({"_id": POSTS_TOPIC.name})
        places: dict[str, list[int]] = {}
        there = set()
        for post_id, post in posts.items():
            number, offset = lowered(int(post["offset"]))
            if number == number_in(logs, post["partition"]):
                places.setdefault(str(post["partition"]), []).append(offset)
                there.add(post_id)
        for offsets in places.values():
            offsets.sort()
        return places, [post_id for post_id in post_ids if post_id not in there]

    async def _effects_of(self, ids: Iterable[str]) -> dict[str, Document]:
        group: Document = {"_id": "$replay", **{name: {"$sum": f"${name}"} for name in EFFECTS}}
        rows = await self._effects.aggregate([{"$match": {"replay": {"$in": list(ids)}}}, {"$group": group}])
        return {row["_id"]: row async for row in rows}


def replay_view(replay: Document, effects: Mapping[str, Any]) -> Document:
    """A replay as it is shown, with how far it is."""
    total, passed = offsets_of(replay)
    view: Document = {
        "id": replay["_id"],
        "state": replay["state"],
        "selection": _selection(replay["selection"]),
        "into": replay.get("into"),
        "generation": replay.get("generation"),
        "rate_limit": replay.get("rate"),
        "created_at": rfc_3339(replay["created_at"]),
        "started_at": _time(replay.get("started_at")),
        "ended_at": _time(replay.get("ended_at")),
        "offsets": total,
        "offsets_passed": passed,
        "copied": int(replay["copied"]),
        **{name: int(effects.get(name, 0)) for name in EFFECTS},
        "records_per_second": None,
        "seconds_left": None,
    }
    if "reason" in replay:
        view["reason"] = replay["reason"]
    started = replay.get("started_at")
    if started is not None:
        seconds = max(0.001, ((replay.get("ended_at") or datetime.now(UTC)) - started).total_seconds())
        view["records_per_second"] = round(view["looked_at"] / seconds, 1)
        if replay["state"] == "running" and passed:
            # What was copied and not looked at yet is left, too.
            behind = max(0, view["copied"] - view["looked_at"])
            done = max(1, passed - behind)
            view["seconds_left"] = round((total - passed + behind) * seconds / done, 1)
    return view


def _selection(selection: Document) -> Document:
    return {
        name: rfc_3339(value)
        if isinstance(value, datetime)
        else {partition: [int(offset) for offset in span] for partition, span in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in selection.items()
    }


def _time(time: datetime | None) -> str | None:
    return rfc_3339(time) if time is not None else None
