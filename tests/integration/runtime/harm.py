"""`postpulse worker` in which analyzing a text with the word in argv does harm: it raises, kills or hangs."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from postpulse.cli.worker import command
from stream_processors import analysis


def _raise() -> None:
    raise ValueError("a text that cannot be analyzed")


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    while True:
        pass


def do_harm(how: str, word: str) -> None:
    harm = {"raise": _raise, "kill": _kill, "hang": _hang}[how]

    def harmful(function: Callable[..., Any]) -> Callable[..., Any]:
        def analyze(text: str, *more: Any) -> Any:
            if word in text:
                harm()
            return function(text, *more)

        return analyze

    analysis.analyze = harmful(analysis.analyze)
    analysis.analyze_chunk = harmful(analysis.analyze_chunk)


if __name__ == "__main__":
    do_harm(sys.argv.pop(1), sys.argv.pop(1))
    command()
