"""Analyses of single posts that are kept: of the generation that is current, as long as changes are told of."""

from collections.abc import Callable, Iterable

from query_api.caching.cache import Cache, Found
from query_api.caching.stores import Entry
from query_api.queries.current import CurrentGeneration

#: An analysis is forgotten at once when the topic of analyses tells of its post; a worker that dies between the
#: transaction and the telling tells late.
_SECONDS = 30.0


class KeptAnalyses:
    """What the cache has of posts.

    Args:
        is_live: whether changes are told of at once; else nothing that is kept is an answer.
    """

    def __init__(self, cache: Cache, current: CurrentGeneration, is_live: Callable[[], bool]) -> None:
        self._cache = cache
        self._current = current
        self._is_live = is_live

    async def find(self, post_id: str) -> Found | None:
        """The analysis of a post; None where it is to be read.

        Raises:
            PyMongoError: it cannot be told which generation is current.
        """
        await self._current.number()
        return await self._cache.find(self._key(post_id), _SECONDS) if self._is_live() else None

    async def stale(self, post_id: str) -> Found | None:
        """Whatever is kept of a post, for when the database is away."""
        return await self._cache.stale(self._key(post_id))

    def began(self) -> int:
        """For `keep`: asked before the post is read."""
        return self._cache.began()

    async def keep(self, post_id: str, entry: Entry, began: int) -> None:
        """Keep the analysis of a post, unless it has changed since the reading of it began."""
        await self._cache.keep(self._key(post_id), entry, began)

    async def forget(self, post_ids: Iterable[str]) -> None:
        """These posts have news."""
        await self._cache.forget([self._key(post_id) for post_id in post_ids])

    def clear(self) -> None:
        """Any post may have news."""
        self._cache.clear()

    def _key(self, post_id: str) -> str:
        return f"analysis/{self._current.known}/{post_id}"
