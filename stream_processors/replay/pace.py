"""How fast a worker looks at replayed records: live ones come first."""

import asyncio
import time
from collections.abc import Callable, Collection

from stream_processors.runtime.offsets import BatchLimits
from stream_processors.runtime.transport import BatchConsumer

#: While live records come. So small that none waits long behind one: with 10 records their p99 grew by a third.
BESIDE_LIVE = BatchLimits(max_records=5, max_bytes=262_144)
_ALONE = BatchLimits(max_records=100, max_bytes=1_048_576)
#: With nothing live for so long, there is nobody to be slowed down.
_QUIET_SECONDS = 10.0
_SHARE_ALONE = 0.8
#: Live records go first, but not for ever.
_LONGEST_YIELD_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0


class Pace:
    """Of the one agent of a worker that looks at replayed records.

    Args:
        consumer: of the worker; asked for when there is one.
        live: the topics whose records come first, with the prefix in force.
        replayed: the topic of the agent.
        max_share: of the time that it may take while live records come.
    """

    def __init__(
        self, consumer: Callable[[], BatchConsumer], live: Collection[str], replayed: str, max_share: float
    ) -> None:
        self._consumer = consumer
        self._live = live
        self._replayed = replayed
        self._max_share = max_share

    async def give_way(self) -> None:
        """Before a batch: wait while live records are worked on."""
        patience = time.monotonic() + _LONGEST_YIELD_SECONDS
        # Looked at now and then: nobody tells when the last live batch is taken.
        while self._consumer().at_work(self._live) and time.monotonic() < patience:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def rest(self, busy: float) -> None:
        """After a batch that took so many seconds."""
        quiet = self._consumer().seconds_without(self._live) > _QUIET_SECONDS
        self._consumer().limit(self._replayed, _ALONE if quiet else BESIDE_LIVE)
        share = _SHARE_ALONE if quiet else self._max_share
        await asyncio.sleep(min(busy * (1 / share - 1), _LONGEST_PAUSE_SECONDS))
