"""The generation that queries are answered from."""

import time

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import GENERATIONS, Collection, Document
from postpulse.generations.state import read_state

#: How long an answer may come from the generation before the current one. That one is kept much longer.
_KNOWN_SECONDS = 1.0


class CurrentGeneration:
    """Follows switches: looks which generation is current, at most once a second and only when asked."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database
        self._number = 0
        self._looked = float("-inf")

    async def collection(self, collection: Collection) -> AsyncCollection[Document]:
        """The one of the current generation. Not to be kept: ask for each question.

        Raises:
            PyMongoError: there is no answer.
        """
        now = time.monotonic()
        if now - self._looked > _KNOWN_SECONDS:
            self._number = (await read_state(self._database[GENERATIONS.name])).current
            self._looked = now
        return self._database[collection.name_in(self._number)]
