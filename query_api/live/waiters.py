"""Requests that wait for an analysis, and what wakes them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from postpulse.telemetry import metrics


class TooManyWaitersError(Exception):
    """No more requests may wait; they can ask again instead."""


class Waiters:
    """Futures by post_id. A wake-up is a hint to look again: what there is to see is in MongoDB.

    Args:
        limit: how many requests may wait at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._count = 0

    @contextmanager
    def waiting_for(self, post_id: str) -> Iterator[asyncio.Future[None]]:
        """A future that is done when something happens to the post. Register first, then look, then wait.

        Raises:
            TooManyWaitersError: the limit is reached.
        """
        if self._count >= self._limit:
            raise TooManyWaitersError
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(post_id, set()).add(future)
        self._count += 1
        metrics.WAITERS.set(self._count)
        try:
            yield future
        finally:
            futures = self._waiting[post_id]
            futures.discard(future)
            if not futures:
                del self._waiting[post_id]
            self._count -= 1
            metrics.WAITERS.set(self._count)

    def wake(self, post_ids: Iterable[str] | None) -> None:
        """Something happened to these posts; None: to any of them, as far as known."""
        for post_id in list(self._waiting) if post_ids is None else post_ids:
            for future in self._waiting.get(post_id, ()):
                if not future.done():
                    future.set_result(None)
