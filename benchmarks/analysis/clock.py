"""How both contestants take the time: processor time a post, after a warm-up, the best of some passes.

Standard library only: the peer's virtual environment has nothing else of this project's.
"""

import gc
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

#: Posts that are analyzed beforehand, so that what is loaded and compiled once is so already.
WARM_UP = 300

_Argument = TypeVar("_Argument")
_Answer = TypeVar("_Answer")


def timed(
    function: Callable[[_Argument], _Answer], arguments: Iterable[_Argument]
) -> tuple[float, list[_Answer]]:
    """A function over arguments: processor time a call in microseconds, and the answers.

    Without garbage collections, which would be slower and slower with all the answers that are kept.
    """
    given = list(arguments)
    gc.disable()
    began = time.process_time()
    answers = [function(argument) for argument in given]
    seconds = time.process_time() - began
    gc.enable()
    return seconds / len(given) * 1e6, answers


def best(function: Callable[[str], object], posts: list[str], passes: int) -> float:
    """Microseconds a post of the best pass over all posts; answers are dropped one by one, as in a service."""
    figures = []
    for _ in range(passes):
        began = time.process_time()
        for post in posts:
            function(post)
        figures.append((time.process_time() - began) / len(posts) * 1e6)
    return min(figures)
