"""The one way in which tests wait: for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
_PAUSE = 0.01


def wait_until(
    what: str, condition: Callable[[], T], seconds: float = 30.0, explain: Callable[[], str] = str
) -> T:
    """What the condition returns once it is true; after `seconds` the test fails, with an explanation."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"still waiting for {what} after {seconds} s: {result!r}\n{explain()}")
        time.sleep(_PAUSE)
    return result


async def until(what: str, condition: Callable[[], T | Awaitable[T]], seconds: float = 30.0) -> T:
    """As `wait_until`, with the event loop free to go on; the condition may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if isinstance(result, Awaitable):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            pytest.fail(f"still waiting for {what} after {seconds} s: {result!r}")
        await asyncio.sleep(_PAUSE)
