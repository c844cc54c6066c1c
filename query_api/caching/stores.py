"""Where answers are kept: in this process, and in a Redis or Valkey that all processes share."""

import time
from collections.abc import Iterable
from typing import Protocol, cast

import msgspec
import redis.asyncio
import structlog
from cachetools import LRUCache
from redis.exceptions import RedisError

from postpulse.settings import RedisSettings
from postpulse.telemetry.metrics import CACHE_BYTES

log = structlog.get_logger(__name__)

#: Of an entry besides its key and body, about.
_ENTRY_BYTES = 400
#: How long a shared store that failed is let alone: each question would wait for it.
_PAUSE_SECONDS = 2.0


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An answer.

    Attributes:
        body: as it is sent.
        tag: of its ETag, without quotes.
        made_at: seconds since 1970.
    """

    body: bytes
    tag: str
    made_at: float


class SharedStore(Protocol):
    """What several processes keep together; a failure is no answer, and never an error."""

    async def get(self, key: str) -> Entry | None: ...
    async def put(self, key: str, entry: Entry, seconds: float) -> None: ...
    async def drop(self, keys: Iterable[str]) -> None: ...
    async def close(self) -> None: ...


class LocalStore:
    """The answers that were used last, as many as fit.

    Args:
        max_bytes: of keys and bodies; an answer larger than an eighth of it is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._largest = max_bytes // 8
        self._entries: LRUCache[str, Entry] = LRUCache(max_bytes, getsizeof=_size)

    def get(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def put(self, key: str, entry: Entry) -> None:
        if _size(entry) <= self._largest:
            self._entries[key] = entry
            CACHE_BYTES.set(self._entries.currsize)

    def drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._entries.pop(key, None)
        CACHE_BYTES.set(self._entries.currsize)

    def clear(self) -> None:
        self._entries.clear()
        CACHE_BYTES.set(0)


class NoSharedStore:
    """Where none is set up."""

    async def get(self, key: str) -> Entry | None:
        return None

    async def put(self, key: str, entry: Entry, seconds: float) -> None:
        pass

    async def drop(self, keys: Iterable[str]) -> None:
        pass

    async def close(self) -> None:
        pass


class RedisStore:
    """Entries in Redis or Valkey.

    Args:
        settings: with a URL.
        namespace: put before all keys; those of others are left alone.
    """

    def __init__(self, settings: RedisSettings, namespace: str) -> None:
        assert settings.url is not None
        self._redis = redis.asyncio.Redis.from_url(
            settings.url.get_secret_value(),
            socket_timeout=settings.timeout_seconds,
            socket_connect_timeout=settings.timeout_seconds,
        )
        self._namespace = namespace
        self._failed_at = float("-inf")

    async def get(self, key: str) -> Entry | None:
        if self._pauses():
            return None
        try:
            found = await self._redis.get(self._namespace + key)
            # Text only where the client was told to decode.
            return msgspec.msgpack.decode(cast(bytes, found), type=Entry) if found is not None else None
        except msgspec.MsgspecError:
            # Of another version, or somebody else's.
            return None
        except (RedisError, OSError) as error:
            self._fail(error)
            return None

    async def put(self, key: str, entry: Entry, seconds: float) -> None:
        if self._pauses():
            return
        try:
            await self._redis.set(
                self._namespace + key, msgspec.msgpack.encode(entry), px=max(1, int(seconds * 1000))
            )
        except (RedisError, OSError) as error:
            self._fail(error)

    async def drop(self, keys: Iterable[str]) -> None:
        names = [self._namespace + key for key in keys]
        if not names or self._pauses():
            return
        try:
            await self._redis.unlink(*names)
        except (RedisError, OSError) as error:
            self._fail(error)

    async def close(self) -> None:
        await self._redis.aclose()

    def _pauses(self) -> bool:
        return time.monotonic() - self._failed_at < _PAUSE_SECONDS

    def _fail(self, error: Exception) -> None:
        self._failed_at = time.monotonic()
        log.warning("the shared cache does not answer", reason=str(error)[:200])


def _size(entry: Entry) -> int:
    return len(entry.body) + _ENTRY_BYTES
