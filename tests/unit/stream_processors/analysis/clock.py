"""How long computing takes, and whether that grows with the length of what is computed, not with its square."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Lengths of texts that are compared.
SMALL, LARGE = 20_000, 200_000
#: Ten times the text may take this many times as long: a quadratic step would take a hundred.
BOUND = 35


def seconds(function: Callable[[T], object], argument: T, times: int) -> float:
    """Processor time of the fastest of so many calls."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        function(argument)
        best = min(best, time.process_time() - start)
    return best


def assert_linear(function: Callable[[T], object], small: T, large: T) -> None:
    """Compare what it takes for something and for ten times as much."""
    # A floor against the clock's grain.
    bound = BOUND * max(seconds(function, small, 3), 0.0005)
    # Again, since others share the processor and its caches.
    assert any(seconds(function, large, 1) < bound for _ in range(5))
