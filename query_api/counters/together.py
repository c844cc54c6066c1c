"""Reads that do not wait for one another."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

_K = TypeVar("_K")
_T = TypeVar("_T")


async def together(reads: Mapping[_K, Coroutine[Any, Any, _T]]) -> dict[_K, _T]:
    """The answers of reads that are made at the same time.

    Raises:
        Exception: the first error, as it is. No read is left running: the others are cancelled, and have ended.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(read) for name, read in reads.items()}
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {name: task.result() for name, task in tasks.items()}
