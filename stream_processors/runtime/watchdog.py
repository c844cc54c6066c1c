"""Ends a process that computes at one thing for too long: it would hold its partitions and never get on.

Only computing counts, never waiting for MongoDB or Kafka, which has limits of its own:

* one step within `Slices`, which is the work on one record, on the event loop or in the thread apart from it;
* an event loop that gets no turn while batches are processed, whatever it does.

Neither can be interrupted, so the process ends, the supervisor starts another, and the guards find the record.
"""

import asyncio
import faulthandler
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import structlog

from stream_processors.runtime import slices
from stream_processors.runtime.batches import RecordBatch

log = structlog.get_logger(__name__)

#: Looks at it within a limit, of at most one a second.
_LOOKS = 20


class Watchdog:
    """Looks at the running event loop from a thread: `async with Watchdog(limit) as watchdog:`.

    Args:
        limit_seconds: for one step of a computation.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._pause = min(1.0, limit_seconds / _LOOKS)
        self._batches: dict[object, str] = {}
        self._beats = 0
        self._beating: asyncio.Task[None] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)

    async def __aenter__(self) -> "Watchdog":
        self._beating = asyncio.create_task(self._beat())
        self._set_timer()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
        self._stop.set()

    @contextmanager
    def watching(self, batch: RecordBatch) -> Iterator[None]:
        """The current task processes this batch within the block."""
        task = asyncio.current_task()
        self._batches[task] = repr(batch)
        try:
            yield
        finally:
            del self._batches[task]

    async def _beat(self) -> None:
        while True:
            self._beats += 1
            await asyncio.sleep(self._pause)

    def _set_timer(self) -> None:
        # Code in C may keep the interpreter to itself, so that our thread gets no turn either: then this timer,
        # which needs none, ends the process. It is set anew with every look. A process that was stopped for
        # longer than the limit ends too when it is continued: its partitions have gone long before.
        faulthandler.dump_traceback_later(self._limit + 2 * self._pause, exit=True)

    def _look(self) -> None:
        beats, blocked = 0, 0.0
        step: float | None = None
        computed = 0.0
        before = time.monotonic()
        while not self._stop.wait(self._pause):
            self._set_timer()
            now = time.monotonic()
            # A machine that was short of processors for a while is not taken for a step that was long.
            passed = min(now - before, 2 * self._pause)
            before = now
            batches = dict(self._batches)
            blocked = blocked + passed if self._beats == beats and batches else 0.0
            beats = self._beats
            current = slices.computing.step
            computed = computed + passed if current == step and current is not None else 0.0
            step = current
            if computed > self._limit:
                self._end(batches.get(slices.computing.task) or "a batch", "computes")
            elif blocked > self._limit:
                self._end(", ".join(batches.values()), "blocks the event loop")
        faulthandler.cancel_dump_traceback_later()

    def _end(self, batch: str, what: str) -> None:
        log.critical("ending the process", batch=batch, reason=f"{what} for more than {self._limit:g} s")
        logging.shutdown()
        os._exit(1)
