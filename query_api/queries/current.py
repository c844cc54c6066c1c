"""The generation that queries are answered from."""

import time

import pymongo
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import GENERATIONS, Collection, Document
from postpulse.generations.state import read_state

#: How long an answer may come from the generation before the current one. That one is kept much longer.
_KNOWN_SECONDS = 1.0
_ANSWER_SECONDS = 2.0


class CurrentGeneration:
    """Follows switches: looks which generation is current, at most once a second and only when asked."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self.known = 0
        """The number that it had last, as far as known; 0 before it was asked."""
        self._looked = float("-inf")
        self._collections: dict[str, AsyncCollection[Document]] = {}

    async def collection(self, collection: Collection) -> AsyncCollection[Document]:
        """The one of the current generation. Not to be kept: ask for each question.

        Raises:
            PyMongoError: there is no answer.
        """
        name = collection.name_in(await self.number())
        if name not in self._collections:
            # Making one takes as long as much else about a question.
            self._collections[name] = self._database[name]
        return self._collections[name]

    async def number(self) -> int:
        """Its number. Raises as `collection`."""
        now = time.monotonic()
        if now - self._looked > _KNOWN_SECONDS:
            with pymongo.timeout(_ANSWER_SECONDS):
                self.known = (await read_state(self._database[GENERATIONS.name])).current
            self._looked = now
        return self.known
