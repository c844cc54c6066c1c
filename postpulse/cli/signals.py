"""What commands with child processes do when they are told to stop."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signals(request_stop: Callable[[], None], kill: Callable[[], None]) -> Iterator[None]:
    """Within the block, the first signal calls `request_stop`; the second one `kill`, and ends this process."""
    asked = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            kill()
            os._exit(128 + number)
        asked = True
        request_stop()
        os.write(2, b"\nStopping (once more to stop at once) ...\n")

    # What nohup has asked for stays ignored.
    heeded = [n for n in _STOP_SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
