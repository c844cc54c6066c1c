"""The effects of a batch, all or none: post documents, counters, partial results and the checkpoint.

The order within a batch is decode, analyze, dead letters; then this transaction (checkpoint; posts, partial
results and counters of every generation that is written at the time; letters); then the results to other consumers;
then the offset. A crash before the transaction's commit has changed nothing; one after it is seen by the
checkpoint, and only the results are told again, from the documents. `stream_processors.fault_points` names the
places between every two steps: tests kill workers there. See `postpulse.generations.changes` for why no generation
misses anything.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from pymongo import AsyncMongoClient, DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import (
    CHECKPOINTS,
    CHUNK_RESULTS,
    COUNTER_DELTAS,
    COUNTERS,
    DEAD_LETTERS,
    GENERATIONS,
    POSTS,
    REPLAY_EFFECTS,
    Document,
)
from postpulse.generations.state import State, read_state, state_of
from stream_processors import fault_points
from stream_processors.sink.checkpoints import Checkpoints
from stream_processors.sink.counters import CounterChanges

Write = InsertOne[Document] | ReplaceOne[Document] | UpdateOne | DeleteOne | DeleteMany
#: Everything of a post document but its text, which no decision needs.
_WITHOUT_CONTENT = {"content": 0}
#: For which it is not asked again which generation is current, beside transactions. None is dropped so soon.
_KNOWN_SECONDS = 10.0


class Changes:
    """What one attempt of a transaction reads and is about to write, in one generation.

    `letter_writes` are of no generation: those of the current one are written.
    """

    def __init__(
        self, database: AsyncDatabase[Document], session: AsyncClientSession, generation: int
    ) -> None:
        self._posts = database[POSTS.name_in(generation)]
        self._results = database[CHUNK_RESULTS.name_in(generation)]
        self._session = session
        self.post_writes: list[InsertOne[Document] | ReplaceOne[Document] | UpdateOne] = []
        self.result_writes: list[UpdateOne | DeleteMany] = []
        self.letter_writes: list[ReplaceOne[Document] | DeleteOne] = []
        self.replay_writes: list[UpdateOne] = []
        self.counters = CounterChanges()

    async def posts(self, ids: Iterable[str]) -> dict[str, Document]:
        """The documents of these posts as they are, without their content; those that exist."""
        found = self._posts.find({"_id": {"$in": list(ids)}}, _WITHOUT_CONTENT, session=self._session)
        return {document["_id"]: document async for document in found}

    async def content(self, post_id: str) -> str:
        found = await self._posts.find_one({"_id": post_id}, {"content": 1}, session=self._session)
        return found["content"] if found is not None else ""

    async def chunk_results(
        self, post_ids: Sequence[str], fields: dict[str, int] | None = None
    ) -> list[Document]:
        """The partial results of these posts that were kept."""
        found = self._results.find({"post_id": {"$in": list(post_ids)}}, fields, session=self._session)
        return [document async for document in found]

    def put(self, before: Document | None, after: Document) -> None:
        """Write a post's document; the counters move by the difference."""
        if before is None:
            self.post_writes.append(InsertOne(after))
        else:
            self.post_writes.append(ReplaceOne({"_id": after["_id"]}, after))
        self._count(before, after)

    def finish(self, before: Document, after: Document, fields: Sequence[str]) -> None:
        """Set some fields of a post's document, unset what it has no more; counters move by the difference."""
        update = {"$set": {name: after[name] for name in fields}}
        if gone := before.keys() - after.keys():
            update["$unset"] = dict.fromkeys(gone, "")
        self.post_writes.append(UpdateOne({"_id": after["_id"]}, update))
        self._count(before, after)

    def _count(self, before: Document | None, after: Document) -> None:
        self.counters.add(before, -1)
        self.counters.add(after)


Prepare = Callable[[Changes], Awaitable[Any]]


class GenerationGoneError(Exception):
    """The generation that was to be written is dropped, or about to be: nothing was written."""


class Sink:
    """Writes the effects of batches, exactly once."""

    def __init__(self, client: AsyncMongoClient[Document], database: AsyncDatabase[Document]) -> None:
        self._database = database
        self.checkpoints = Checkpoints(client, database[CHECKPOINTS.name])
        self._state = state_of(None)
        self._read_at = float("-inf")

    async def write(
        self, lane: str, before: int, after: int, prepare: Prepare, only: int | None = None
    ) -> None:
        """One transaction: what `prepare` puts into the changes, and the checkpoint from `before` to `after`.

        Args:
            lane: topic/partition of the batch.
            before: the checkpoint as `checkpoints.open` returned it before the batch was looked at.
            after: the offset behind the batch's last record.
            prepare: called for each attempt and each generation that is written, the current one last, with
                fresh `Changes`; must leave nothing behind from a former call.
            only: the one generation to write to; all that are written where it is None.

        Raises:
            GenerationGoneError: nothing was written; there is no such generation as `only`, or none any more.
            CheckpointMovedError: nothing was written; another worker was here.
            PyMongoError: it may or may not have been written; the checkpoint tells.
        """

        topic = lane.rpartition("/")[0]

        async def effects(session: AsyncClientSession, version: int | None) -> None:
            fault_points.reached("checkpoint moved", topic)
            written = (await self._state_at(version, session)).written
            if only is not None and only not in written:
                raise GenerationGoneError(f"generation {only} is not written any more")
            letters: list[ReplaceOne[Document] | DeleteOne] = []
            replays: list[UpdateOne] = []
            for generation in written if only is None else [only]:
                changes = Changes(self._database, session, generation)
                await prepare(changes)
                await self._bulk(POSTS.name_in(generation), changes.post_writes, session)
                fault_points.reached("posts written", topic)
                await self._bulk(CHUNK_RESULTS.name_in(generation), changes.result_writes, session)
                fault_points.reached("chunk results written", topic)
                counters = list(changes.counters.updates(lane))
                await self._bulk(COUNTERS.name_in(generation), counters, session)
                deltas = list(changes.counters.deltas(lane))
                await self._bulk(COUNTER_DELTAS.name_in(generation), deltas, session)
                fault_points.reached("counters written", topic)
                letters, replays = changes.letter_writes, changes.replay_writes
            await self._bulk(DEAD_LETTERS.name, letters, session)
            fault_points.reached("letters written", topic)
            await self._bulk(REPLAY_EFFECTS.name, replays, session)

        await self.checkpoints.move(lane, before, after, effects)
        fault_points.reached("committed", topic)

    async def posts(self, ids: Iterable[str]) -> dict[str, Document]:
        """The documents of these posts in the current generation, without their content; those that exist."""
        if time.monotonic() - self._read_at > _KNOWN_SECONDS:
            self._keep(await read_state(self._database[GENERATIONS.name]))
        current = self._state.current
        found = self._database[POSTS.name_in(current)].find({"_id": {"$in": list(ids)}}, _WITHOUT_CONTENT)
        return {document["_id"]: document async for document in found}

    async def letters(self, keys: Sequence[str]) -> list[Document]:
        """Whose these dead letters are: their keys as _id, post_id and post_offset; those that are kept."""
        return await self._letters({"_id": {"$in": list(keys)}})

    async def letters_of(self, post_ids: Iterable[str]) -> list[Document]:
        """The dead letters of these posts, as `letters`."""
        return await self._letters({"post_id": {"$in": list(post_ids)}})

    async def _state_at(self, version: int | None, session: AsyncClientSession) -> State:
        """The generations that a transaction knows of, by its checkpoint; read where that is another version."""
        if self._state.version != version:
            # In the transaction's snapshot, which began with the checkpoint: see `tell_lanes` of the generations.
            self._keep(await read_state(self._database[GENERATIONS.name], session))
        return self._state

    def _keep(self, state: State) -> None:
        self._state = state
        self._read_at = time.monotonic()

    async def _letters(self, which: Document) -> list[Document]:
        found = self._database[DEAD_LETTERS.name].find(which, {"post_id": 1, "post_offset": 1})
        return [letter async for letter in found]

    async def _bulk(self, collection: str, writes: Sequence[Write], session: AsyncClientSession) -> None:
        if writes:
            await self._database[collection].bulk_write(list(writes), ordered=False, session=session)
