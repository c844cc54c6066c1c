"""Requests that wait for an analysis, and what wakes them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from postpulse.telemetry import metrics


class TooManyWaitersError(Exception):
    """No more requests may wait; they can ask again instead."""


class Waiters:
    """Events by post_id. A wake-up is a hint to look again: what there is to see is in MongoDB.

    Args:
        limit: how many requests may wait at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self.closed = False
        """Whether the service stops: nothing is worth waiting for any more."""

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def waiting_for(self, post_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when something happens to the post. Register first, then look, then wait.

        Raises:
            TooManyWaitersError: the limit is reached.
        """
        if self._count >= self._limit:
            raise TooManyWaitersError
        news = asyncio.Event()
        self._waiting.setdefault(post_id, set()).add(news)
        self._count += 1
        metrics.WAITERS.set(self._count)
        try:
            yield news
        finally:
            others = self._waiting[post_id]
            others.discard(news)
            if not others:
                del self._waiting[post_id]
            self._count -= 1
            metrics.WAITERS.set(self._count)

    def wake(self, post_ids: Iterable[str] | None) -> None:
        """Something happened to these posts; None: to any of them, as far as known."""
        for post_id in list(self._waiting) if post_ids is None else post_ids:
            for news in self._waiting.get(post_id, ()):
                news.set()

    def close(self) -> None:
        """The service stops: wake everybody, so that they answer with what is known."""
        self.closed = True
        self.wake(None)
