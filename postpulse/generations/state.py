"""Which generations there are, and what each is for: one document, so that every change is one atomic write."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

#: The generation with the plain names; the only one where no document says otherwise.
FIRST = 1
STATE_ID = "state"


class Status(StrEnum):
    """What a generation is for."""

    CREATING = "creating"
    """Its collections are being made; nobody writes to it."""
    BUILDING = "building"
    """Live posts go to it; what the log has from before is being filled in."""
    READY = "ready"
    """As full as the current one."""
    CURRENT = "current"
    """The one that queries are answered from."""
    KEPT = "kept"
    """It was the current one, and goes on as such, so that queries can go back to it until `drop_at`."""
    DROPPING = "dropping"
    """Nobody writes to it any more; it is gone soon after `drop_at`."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation.

    Attributes:
        analysis_version: of the analysis that it was made for; None where that is not known.
        replay: the id of the one that fills it; None where none does.
        created_at: None for a first one from before there were others.
        switched_at: when queries last went to it; None where they never did.
        drop_at: when it goes; None where it stays.
    """

    number: int
    status: Status
    analysis_version: int | None = None
    replay: str | None = None
    created_at: datetime | None = None
    switched_at: datetime | None = None
    drop_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """All generations, by ascending number. Exactly one is current.

    Attributes:
        version: grows with every change of what is written or current.
    """

    generations: tuple[Generation, ...]
    version: int = 0

    @property
    def current(self) -> int:
        """The number of the one that queries are answered from."""
        return next(each.number for each in self.generations if each.status == Status.CURRENT)

    @property
    def written(self) -> list[int]:
        """The numbers of those that live posts go to, the current one last."""
        others = (Status.BUILDING, Status.READY, Status.KEPT)
        return [*(each.number for each in self.generations if each.status in others), self.current]

    def find(self, number: int) -> Generation | None:
        return next((each for each in self.generations if each.number == number), None)


_ALONE = State((Generation(FIRST, Status.CURRENT),))


async def read_state(
    collection: AsyncCollection[dict[str, Any]], session: AsyncClientSession | None = None
) -> State:
    """The state as it is, or as a transaction sees it.

    Args:
        collection: `generations`.
    """
    return state_of(await collection.find_one({"_id": STATE_ID}, session=session))


def state_of(document: Mapping[str, Any] | None) -> State:
    """What the document says; without one there is the first generation alone."""
    if document is None:
        return _ALONE
    return State(
        tuple(
            Generation(
                number=stored["number"],
                status=Status(stored["status"]),
                analysis_version=stored.get("analysis_version"),
                replay=stored.get("replay"),
                created_at=stored.get("created_at"),
                switched_at=stored.get("switched_at"),
                drop_at=stored.get("drop_at"),
            )
            for stored in document["generations"]
        ),
        document.get("version", 0),
    )
