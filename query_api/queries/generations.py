"""Generations: looked at, compared, switched to, let go. Returns data, knows no HTTP."""

import asyncio

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import GENERATIONS, POSTS, Document
from postpulse.generations.changes import (
    GenerationRefusedError,
    drop_generation,
    known_generation,
    switch_generation,
)
from postpulse.generations.counts import count, differences
from postpulse.generations.state import Generation, State, Status, read_state
from query_api.caching.once import Once
from query_api.queries.posts import rfc_3339

_ANSWER_SECONDS = 10.0
#: All that two generations hold is counted.
_COUNT_SECONDS = 300.0


class GenerationQueries:
    """Questions and changes; each raises PyMongoError when there is no answer within ten seconds, or five minutes.

    Args:
        grace_seconds: for which the former generation is kept after a switch.
    """

    def __init__(self, database: AsyncDatabase[Document], grace_seconds: float) -> None:
        self._database = database
        self._grace_seconds = grace_seconds
        self._comparing = Once[Document]()

    async def all(self) -> list[Document]:
        """Views of all generations, by ascending number."""
        with pymongo.timeout(_ANSWER_SECONDS):
            return await self._views(await read_state(self._database[GENERATIONS.name]))

    async def compared(self, number: int) -> Document:
        """What one holds beside the current one, counted once for all who ask at the same time.

        Raises:
            UnknownGenerationError: there is none of this number.
            GenerationRefusedError: it holds nothing, or nothing any more.
        """
        return await self._comparing.get(str(number), lambda: self._compared(number))

    async def _compared(self, number: int) -> Document:
        with pymongo.timeout(_COUNT_SECONDS):
            state = await read_state(self._database[GENERATIONS.name])
            status = known_generation(state, number).status
            if status in (Status.CREATING, Status.DROPPING):
                raise GenerationRefusedError(f"Generation {number} is {status}: it holds nothing to compare.")
            counts = await count(self._database, {state.current, number})
        current, other = counts[state.current], counts[number]
        return {
            "number": number,
            "current": state.current,
            "posts": {
                name: {"current": current.posts[name], "other": other.posts[name]} for name in other.posts
            },
            "differences": [str(each) for each in differences(current, other)],
        }

    async def switch(self, number: int, force: bool) -> list[Document]:
        """Switch to one; views of all of them then. Raises what `postpulse.generations.changes` does."""
        with pymongo.timeout(_COUNT_SECONDS):
            return await self._views(
                await switch_generation(self._database, number, self._grace_seconds, force)
            )

    async def drop(self, number: int) -> list[Document]:
        """Let one go; as `switch`."""
        with pymongo.timeout(_ANSWER_SECONDS):
            return await self._views(await drop_generation(self._database, number))

    async def _views(self, state: State) -> list[Document]:
        held = await asyncio.gather(*(self._posts(each.number) for each in state.generations))
        return [_view(each, posts) for each, posts in zip(state.generations, held, strict=True)]

    async def _posts(self, number: int) -> int:
        return await self._database[POSTS.name_in(number)].estimated_document_count()


def _view(generation: Generation, posts: int) -> Document:
    times = {name: getattr(generation, name) for name in ("created_at", "switched_at", "drop_at")}
    return {
        "number": generation.number,
        "status": generation.status,
        "analysis_version": generation.analysis_version,
        "replay": generation.replay,
        "posts_estimated": posts,
        **{name: rfc_3339(time) if time is not None else None for name, time in times.items()},
    }
