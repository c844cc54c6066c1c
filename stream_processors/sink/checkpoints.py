"""How far the effects of each partition reach, moved in the transaction that writes them: the fence.

A batch's transaction moves its partition's checkpoint from the offset that it read to the new one. If anyone
else has moved it meanwhile (a worker that owns the partition now, or one that was frozen and woke up), the
transaction fails as a whole, so no record has its effects twice whoever processes it.
"""

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from postpulse.collections import Document


class CheckpointMovedError(Exception):
    """The partition's effects reach further than was read: nothing was written."""


class Checkpoints:
    """The checkpoint of each lane, which is topic/partition."""

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection

    async def read(self, lane: str) -> int | None:
        """The first offset without effects; None where nothing was written yet."""
        found = await self._collection.find_one({"_id": lane})
        return found["next"] if found is not None else None

    async def move(self, lane: str, before: int | None, after: int, session: AsyncClientSession) -> None:
        """Move a checkpoint within a transaction.

        Raises:
            CheckpointMovedError: it is not at `before` any more.
        """
        if before is None:
            try:
                await self._collection.insert_one({"_id": lane, "next": after}, session=session)
            except DuplicateKeyError:
                raise CheckpointMovedError(f"{lane} was begun by another worker") from None
            return
        result = await self._collection.update_one(
            {"_id": lane, "next": before}, {"$set": {"next": after}}, session=session
        )
        if result.matched_count == 0:
            raise CheckpointMovedError(f"{lane} is no longer at {before}")
