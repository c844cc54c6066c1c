"""`postpulse worker` with a watch on its event loop: each long block of it is a line in the file that argv names.

A block is measured by the processor time that the loop's thread takes between two beats of a timer, not by the
clock: on a machine that others share, the clock also counts the time in which this process did not run at all, and
so says more about them than about the worker. What blocks an event loop of ours is computing; waiting inside of a
callback would not show here, and `LoopLag`, which reads the clock, is there for that in production.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from postpulse.cli.worker import command
from postpulse.settings import Settings
from stream_processors import app

LONG_SECONDS = 0.015
_BEAT_SECONDS = 0.001


def watch(path: Path) -> None:
    run_worker = app.run_worker

    async def watched(settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        with path.open("a", buffering=1) as file:

            def beat(before: float) -> None:
                now = time.thread_time()
                if now - before > LONG_SECONDS:
                    file.write(json.dumps({"at": time.time(), "seconds": now - before}) + "\n")
                nonlocal timer
                timer = loop.call_later(_BEAT_SECONDS, beat, time.thread_time())

            timer = loop.call_soon(beat, time.thread_time())
            try:
                await run_worker(settings)
            finally:
                timer.cancel()

    app.run_worker = watched


if __name__ == "__main__":
    watch(Path(sys.argv.pop(1)))
    command()
