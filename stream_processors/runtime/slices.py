"""Long work on the event loop, in slices: heartbeats, health and other partitions go on in between."""

import asyncio
import time

_SLICE_SECONDS = 0.02


class Slices:
    """Call `await slices.pause()` between the steps of a long computation: it yields when the slice is used up."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + _SLICE_SECONDS

    async def pause(self) -> None:
        if time.monotonic() >= self._ends:
            await asyncio.sleep(0)
            self._ends = time.monotonic() + _SLICE_SECONDS
