"""How far the effects of each partition reach, moved in the transaction that writes them: the fence.

A checkpoint names the MongoDB session that writes its lane. Whoever begins to work on a lane takes it over: it
ends the session of the one before, which aborts a transaction that a killed worker left open (MongoDB itself
would keep its locks for a minute), and puts its own in. A transaction then moves the checkpoint from the offset
that was read to the new one, and fails as a whole where the offset or the session is another by now: so no
record has its effects twice, whoever processes it, and a worker that was frozen and wakes up writes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bson.binary import Binary
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from postpulse.collections import Document


class CheckpointMovedError(Exception):
    """Another worker has, or had, the lane: nothing was written."""


@dataclass(slots=True)
class _Lane:
    session: AsyncClientSession
    #: A batch that outlived its partition's revocation may still be writing when the partition comes back.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def owner(self) -> Binary:
        owner: Binary = self.session.session_id["id"]
        return owner


class Checkpoints:
    """The checkpoint of each lane, which is topic/partition."""

    def __init__(self, client: AsyncMongoClient[Document], collection: AsyncCollection[Document]) -> None:
        self._client = client
        self._collection = collection
        self._lanes: dict[str, _Lane] = {}

    async def open(self, lane: str) -> int:
        """Make sure that the lane is this process's; returns the first offset without effects.

        Raises:
            CheckpointMovedError: another worker took it over at the same time.
        """
        owner = self._lane(lane).owner
        found = await self._collection.find_one({"_id": lane})
        if found is None:
            try:
                await self._collection.insert_one({"_id": lane, "next": 0, "session": owner})
            except DuplicateKeyError:
                raise CheckpointMovedError(f"{lane} was begun by another worker") from None
            return 0
        if found["session"] != owner:
            await self._client.admin.command("killSessions", [{"id": found["session"]}])
            result = await self._collection.update_one(
                {"_id": lane, "session": found["session"], "next": found["next"]},
                {"$set": {"session": owner}},
            )
            if result.matched_count == 0:
                raise CheckpointMovedError(f"{lane} was taken over by another worker")
        position: int = found["next"]
        return position

    async def move(
        self,
        lane: str,
        before: int,
        after: int,
        effects: Callable[[AsyncClientSession, int | None], Awaitable[None]],
    ) -> None:
        """One transaction: the checkpoint from `before`, as `open` returned it, to `after`, and the effects.

        Args:
            effects: called for each attempt with the session to write with, and the version of the generations'
                state that the lane knows of, if any.

        Raises:
            CheckpointMovedError: nothing was written.
            PyMongoError: it may or may not have been written; the checkpoint tells.
        """
        state = self._lane(lane)

        async def attempt(session: AsyncClientSession) -> None:
            moved = await self._collection.find_one_and_update(
                {"_id": lane, "next": before, "session": state.owner},
                {"$set": {"next": after}},
                {"generations": 1},
                session=session,
            )
            if moved is None:
                raise CheckpointMovedError(f"{lane} is no longer this worker's at {before}")
            await effects(session, moved.get("generations"))

        async with state.lock:
            await state.session.with_transaction(
                attempt,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority", j=True),
            )

    async def close(self) -> None:
        """End the sessions; the lanes stay as they are until somebody takes them over."""
        for state in self._lanes.values():
            await state.session.end_session()
        self._lanes.clear()

    def _lane(self, lane: str) -> _Lane:
        if lane not in self._lanes:
            self._lanes[lane] = _Lane(self._client.start_session())
        return self._lanes[lane]
