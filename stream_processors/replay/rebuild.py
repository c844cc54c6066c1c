"""What a replay into a new generation does besides copying: makes the generation, and switches queries to it."""

import time

import structlog
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import GENERATIONS, Document
from postpulse.generations.changes import (
    GenerationRefusedError,
    create_generation,
    finish_generation,
    switch_generation,
)
from postpulse.generations.counts import Difference, compare
from postpulse.generations.state import read_state
from stream_processors import analysis

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
#: Differences that stay the same for so long do not pass by themselves, as those do of posts that are under way.
_PATIENCE_SECONDS = 60.0


class Rebuild:
    """Of whoever drives replays.

    Args:
        grace_seconds: for which the former generation is kept after a switch.
        text_index: whether a new generation's posts have one.
    """

    def __init__(
        self, database: AsyncDatabase[Document], grace_seconds: float, text_index: bool = False
    ) -> None:
        self._database = database
        self._grace_seconds = grace_seconds
        self._text_index = text_index
        self._looked = float("-inf")
        self._seen: tuple[int, list[Difference]] | None = None
        """The generation that was looked at last, and in what it differed."""
        self._unchanged_since = 0.0

    async def begin(self, replay: str) -> int:
        """The number of the generation that this replay fills, which live posts go to from now on.

        Raises:
            GenerationRefusedError: another one is being built.
        """
        version = analysis.ANALYSIS_VERSION
        return await create_generation(self._database, version, replay, self._text_index)

    async def end(self, number: int) -> bool:
        """Switch queries to a generation that is filled; False while it is to be tried again.

        Raises:
            GenerationRefusedError: it differs from the current one for good; it stays, and may be switched to.
            UnknownGenerationError: it was dropped.
        """
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return False
        state = await read_state(self._database[GENERATIONS.name])
        if state.current == number:
            return True
        differences = await compare(self._database, state.current, number) if state.find(number) else []
        self._looked = time.monotonic()
        if not differences:
            await switch_generation(self._database, number, self._grace_seconds, force=True)
            return True
        if (number, differences) != self._seen:
            log.info("generations differ still", generation=number, differences=[str(d) for d in differences])
            self._seen, self._unchanged_since = (number, differences), self._looked
        if self._looked - self._unchanged_since < _PATIENCE_SECONDS:
            return False
        await finish_generation(self._database, number)
        words = "; ".join(str(difference) for difference in differences)
        raise GenerationRefusedError(
            f"generation {number} is filled and differs from the current one: {words}. Live posts go to it; "
            f"`postpulse generations switch {number} --force` switches to it all the same, "
            f"`postpulse generations drop {number}` lets it go",
            differences,
        )
