"""Long work on the event loop, in slices: heartbeats, health and other partitions go on in between."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SLICE_SECONDS = 0.01
#: One alone, since one computes at a time: each thread more would keep memory of its own.
_thread = ThreadPoolExecutor(1, thread_name_prefix="apart")
#: The loop runs every task that is ready before it looks after anything else: without turns, nine batches with
#: a slice each would hold it for nine slices.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class _Computing:
    """What computes at the moment; read by the watchdog's thread."""

    __slots__ = ("step", "task")

    def __init__(self) -> None:
        self.step: float | None = None
        """When the step under way began: differs from that of every other; None while nothing computes."""
        self.task: object = None
        """Whose it is."""


computing = _Computing()


class Slices:
    """Computation that shares the event loop: `async with Slices() as slices:`, and in it `await slices.pause()`.

    One such block computes at a time; `pause` hands on when its slice is used up, `apart` computes what cannot be
    sliced. No waiting for I/O inside: it would keep the others waiting too.
    """

    def __init__(self) -> None:
        self._turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        self._ours = False
        self._ends = 0.0

    async def __aenter__(self) -> "Slices":
        await self._take()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not ours when we were cancelled while waiting for the next turn.
        if self._ours:
            self._give()

    async def pause(self) -> None:
        now = time.monotonic()
        if now >= self._ends:
            self._give()
            await self._take()
        else:
            computing.step = now

    async def apart(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What may take longer than a slice, computed in a thread; it is our turn until it is done.

        The thread gives the interpreter back to the loop every few milliseconds.
        """
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(_thread, partial(function, *args, **kwargs))
        self._ends = time.monotonic() + _SLICE_SECONDS
        return result

    async def _take(self) -> None:
        await self._turn.acquire()
        self._ours = True
        try:
            # Somebody may have computed in this very round of the loop, and left the turn free.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._give()
            raise
        now = time.monotonic()
        self._ends = now + _SLICE_SECONDS
        computing.step, computing.task = now, asyncio.current_task()

    def _give(self) -> None:
        self._ours = False
        computing.step = computing.task = None
        self._turn.release()
