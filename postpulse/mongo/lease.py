"""What only one worker may do at a time."""

from datetime import UTC, datetime

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from postpulse.collections import LEASES, Document

_LEASE_MS = 3_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Lease:
    """A turn that is held for three seconds, and held again before they are over; by MongoDB's clock.

    Who was frozen may believe for a moment that it still holds it: what is done must bear being done twice.

    Args:
        name: of what is done.
        owner: names this process among all.
    """

    def __init__(self, database: AsyncDatabase[Document], name: str, owner: str) -> None:
        self._leases = database[LEASES.name]
        self._name = name
        self._owner = owner

    async def hold(self) -> bool:
        """Take the turn, or keep it; False while another process has it.

        Raises:
            PyMongoError: there is no answer.
        """
        free = {
            "$or": [
                {"$eq": ["$owner", self._owner]},
                {"$lt": [{"$ifNull": ["$expires", _LONG_AGO]}, "$$NOW"]},
            ]
        }
        taken = {
            "owner": {"$cond": [free, self._owner, "$owner"]},
            "expires": {"$cond": [free, {"$add": ["$$NOW", _LEASE_MS]}, "$expires"]},
        }
        try:
            lease = await self._leases.find_one_and_update(
                {"_id": self._name}, [{"$set": taken}], upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            return False
        return lease is not None and bool(lease["owner"] == self._owner)

    async def let_go(self) -> None:
        """Let another process have the turn at once. Raises as `hold`."""
        await self._leases.delete_one({"_id": self._name, "owner": self._owner})
