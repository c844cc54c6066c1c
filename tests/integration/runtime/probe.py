"""`postpulse worker` with a watch on its event loop: each long callback is a line in the file that argv names.

A callback is measured by the processor time of its thread, not by the clock: on a machine that others share, the
clock also counts the time in which this process did not run at all, and so says more about them than about the
worker. What blocks an event loop of ours is computing; waiting inside of a callback would not show here, and
`LoopLag`, which reads the clock, is there for that in production.
"""

import json
import sys
import threading
import time
from asyncio import Handle
from pathlib import Path

from postpulse.cli.worker import command

LONG_SECONDS = 0.015


def watch(path: Path) -> None:
    run = Handle._run
    file = path.open("a", buffering=1)

    def measured(self: Handle) -> None:
        before = time.thread_time()
        run(self)
        seconds = time.thread_time() - before
        # Faust's consumer has a loop of its own, in a thread of its own.
        if seconds > LONG_SECONDS and threading.current_thread() is threading.main_thread():
            file.write(json.dumps({"at": time.time(), "seconds": seconds, "what": repr(self)[:300]}) + "\n")

    Handle._run = measured  # type: ignore[method-assign]


if __name__ == "__main__":
    watch(Path(sys.argv.pop(1)))
    command()
