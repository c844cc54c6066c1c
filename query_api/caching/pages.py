"""Pages of lists, for all who ask for the same ones: until there is news, and for a second at most."""

from collections.abc import Awaitable, Callable

from cachetools import TTLCache

from postpulse.telemetry.metrics import CACHE_ANSWERS
from query_api.caching.once import Once

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
        self._once: Once[bytes] = Once()
        self._news = 0
        self._is_live = is_live

    async def get(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The page that a key names, or a new one. Raises what `make` does."""
        if not self._is_live():
            return await make()
        page = self._pages.get(key)
        if page is not None:
            _HIT.inc()
            return page
        return await self._once.get(key, lambda: self._make(key, make))

    def clear(self) -> None:
        """There is news, of any post: nobody who asks from now on gets what was read before."""
        self._news += 1
        self._pages.clear()
        self._once.clear()

    async def _make(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        _MISS.inc()
        news = self._news
        page = await make()
        if news == self._news and _size(page) <= self._pages.maxsize // 8:
            self._pages[key] = page
        return page


def _size(page: bytes) -> int:
    return len(page) + _PAGE_BYTES
