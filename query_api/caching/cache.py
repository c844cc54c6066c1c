"""Finished answers, kept for a while: in this process, and in a store that all processes share.

An answer about a post is forgotten when `post-analyses.v1` tells of the post, which is after the transaction that
changed it. So that a slow reader does not put back what it read before that, it says when it began: what was
forgotten since is not kept. What nobody tells of, such as sums over a window, is kept for some seconds only. What
is older stays for when MongoDB cannot be asked. Only answers are kept, never that there is none.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from pymongo.errors import PyMongoError

from postpulse.telemetry.metrics import CACHE_ANSWERS
from query_api.caching.once import Once
from query_api.caching.stores import Entry, LocalStore, SharedStore

# Looked up once: it takes longer than counting.
_HIT = CACHE_ANSWERS.labels("hit")
_MISS = CACHE_ANSWERS.labels("miss")
_STALE = CACHE_ANSWERS.labels("stale")
#: How long an answer is kept for when the database is away.
STALE_SECONDS = 3600.0
#: Keys of which it is known when they were forgotten: of some seconds at thousands of posts a second.
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """An answer and where it is from.

    Attributes:
        age: seconds since it was made.
        is_hit: whether it was kept.
        is_stale: whether it was older than asked for, and the database did not answer.
    """

    entry: Entry
    age: float
    is_hit: bool = True
    is_stale: bool = False


class Cache:
    """Answers by key."""

    def __init__(self, local: LocalStore, shared: SharedStore) -> None:
        self._local = local
        self._shared = shared
        self._once: Once[Entry] = Once()
        self._clock = 0
        """Counts what was forgotten."""
        self._forgotten: OrderedDict[str, int] = OrderedDict()
        self._all_forgotten = 0
        self._seen_since = 0.0
        """Of what was made before, nobody has told here whether it still holds; seconds since 1970."""

    async def find(self, key: str, seconds: float) -> Found | None:
        """An answer that is no older."""
        found = await self._find(key)
        if found is None or found.age > seconds or found.entry.made_at < self._seen_since:
            return None
        _HIT.inc()
        return found

    async def stale(self, key: str) -> Found | None:
        """Whatever answer there is, for when there is no other."""
        found = await self._find(key)
        if found is None:
            return None
        _STALE.inc()
        return Found(found.entry, found.age, is_stale=True)

    async def get(self, key: str, seconds: float, make: Callable[[], Awaitable[Entry]]) -> Found:
        """An answer that is no older, or a new one; asked for by many at once it is made once.

        Raises:
            PyMongoError: the database did not answer, and no answer is kept.
        """
        found = await self.find(key, seconds)
        if found is not None:
            return found
        try:
            made = await self._once.get(key, lambda: self._make(key, make))
            return Found(made, 0.0, is_hit=False)
        except PyMongoError:
            kept = await self.stale(key)
            if kept is None:
                raise
            return kept

    def began(self) -> int:
        """For `keep`: asked before what is to be kept is read."""
        return self._clock

    async def keep(self, key: str, entry: Entry, began: int) -> None:
        """Keep an answer, unless its key was forgotten since the reading of it began."""
        _MISS.inc()
        if self._is_outdated(key, began):
            return
        self._local.put(key, entry)
        await self._shared.put(key, entry, STALE_SECONDS)
        if self._is_outdated(key, began):
            await self._shared.drop((key,))

    async def forget(self, keys: Collection[str]) -> None:
        """Something has changed: what is kept of these is no answer any more."""
        self._clock += 1
        for key in keys:
            self._forgotten[key] = self._clock
            self._forgotten.move_to_end(key)
        while len(self._forgotten) > _REMEMBERED:
            _, self._all_forgotten = self._forgotten.popitem(last=False)
        self._local.drop(keys)
        await self._shared.drop(keys)

    def clear(self) -> None:
        """Anything may have changed unseen. What others keep is of use only for when the database is away."""
        self._clock += 1
        self._all_forgotten = self._clock
        self._seen_since = time.time()
        self._local.clear()

    async def close(self) -> None:
        await self._shared.close()

    async def _find(self, key: str) -> Found | None:
        entry = self._local.get(key)
        if entry is None:
            began = self.began()
            entry = await self._shared.get(key)
            if entry is not None and not self._is_outdated(key, began):
                self._local.put(key, entry)
        if entry is None or (age := time.time() - entry.made_at) > STALE_SECONDS:
            return None
        return Found(entry, max(age, 0.0))

    async def _make(self, key: str, make: Callable[[], Awaitable[Entry]]) -> Entry:
        began = self.began()
        entry = await make()
        await self.keep(key, entry, began)
        return entry

    def _is_outdated(self, key: str, began: int) -> bool:
        return max(self._forgotten.get(key, 0), self._all_forgotten) > began
