"""How long computing takes."""

import time
from collections.abc import Callable


def seconds(function: Callable[[str], object], text: str, times: int) -> float:
    """Processor time of the fastest of so many calls."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        function(text)
        best = min(best, time.process_time() - start)
    return best
