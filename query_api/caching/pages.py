"""Pages of lists, for all who ask for the same ones: until there is news, and for a second at most."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from cachetools import TTLCache

from postpulse.telemetry.metrics import CACHE_ANSWERS

# Looked up once: it takes longer than counting.
_HIT = CACHE_ANSWERS.labels("hit")
_MISS = CACHE_ANSWERS.labels("miss")
#: A worker that dies between the transaction and the telling tells late.
_SECONDS = 1.0
#: Of a page besides its body, about.
_PAGE_BYTES = 400


class KeptPages:
    """What this process keeps of lists; asked for by many at once, a page is made once.

    Args:
        max_bytes: of all pages; 0 keeps none.
        is_live: whether changes are told of at once; else nothing is kept.
    """

    def __init__(self, max_bytes: int, is_live: Callable[[], bool]) -> None:
        self._pages: TTLCache[str, bytes] = TTLCache(max_bytes, _SECONDS, getsizeof=_size)
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._is_live = is_live

    async def get(self, key: str, make: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """The page that a key names, or a new one. Raises what `make` does."""
        if not self._is_live():
            return await make()
        page = self._pages.get(key)
        if page is not None:
            _HIT.inc()
            return page
        making = self._making.get(key)
        if making is None:
            _MISS.inc()
            making = asyncio.create_task(make())
            self._making[key] = making
            making.add_done_callback(lambda made: self._made(key, made))
        # Who gives up waiting takes it away from nobody else.
        return await asyncio.shield(making)

    def clear(self) -> None:
        """There is news, of any post: nobody who asks from now on gets what was read before."""
        self._pages.clear()
        self._making.clear()

    def _made(self, key: str, made: asyncio.Task[bytes]) -> None:
        outdated = self._making.get(key) is not made
        if not outdated:
            del self._making[key]
        # Looked at, also where nobody waits for it any more.
        if made.cancelled() or made.exception() is not None or outdated:
            return
        page = made.result()
        if _size(page) <= self._pages.maxsize // 8:
            self._pages[key] = page


def _size(page: bytes) -> int:
    return len(page) + _PAGE_BYTES
