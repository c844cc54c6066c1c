"""What is kept, for how long, and what is not put back once it was forgotten."""

import asyncio
import time

import pytest
from pymongo.errors import AutoReconnect

from query_api.caching.cache import STALE_SECONDS, Cache, Found
from query_api.caching.stores import Entry, LocalStore, NoSharedStore


def _cache(max_bytes: int = 1_000_000) -> Cache:
    return Cache(LocalStore(max_bytes), NoSharedStore())


def _entry(body: bytes = b"{}", age: float = 0.0) -> Entry:
    return Entry(body, "tag", time.time() - age)


async def _kept(cache: Cache, key: str, entry: Entry) -> Found | None:
    await cache.keep(key, entry, cache.began())
    return await cache.find(key, 10)


async def test_what_is_kept_is_found_while_it_is_young() -> None:
    cache = _cache()
    assert await cache.find("a", 10) is None
    found = await _kept(cache, "a", _entry(b"old", age=5))
    assert found is not None
    assert (found.entry.body, found.is_hit, found.is_stale) == (b"old", True, False)
    assert 5 <= found.age < 6
    assert await cache.find("a", 4) is None
    stale = await cache.stale("a")
    assert stale is not None
    assert stale.is_stale
    assert await cache.find("b", 10) is None


async def test_nothing_is_kept_for_good() -> None:
    cache = _cache()
    assert await _kept(cache, "a", _entry(age=STALE_SECONDS + 1)) is None
    assert await cache.stale("a") is None


async def test_the_ones_used_last_are_kept_within_the_bytes() -> None:
    local = LocalStore(100_000)
    for n in range(100):
        local.put(str(n), _entry(bytes(5_000)))
        local.get("0")
    kept = [n for n in range(100) if local.get(str(n)) is not None]
    assert kept[0] == 0
    assert kept[1:] == list(range(100 - len(kept) + 1, 100))
    assert len(kept) * 5_000 < 100_000
    # One that would push out all others is not kept.
    local.put("large", _entry(bytes(50_000)))
    assert local.get("large") is None
    assert local.get("0") is not None


async def test_none_are_kept_where_there_is_no_room() -> None:
    assert await _kept(_cache(0), "a", _entry()) is None


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    cache = _cache()
    began = cache.began()
    await cache.forget(["a"])
    await cache.keep("a", _entry(b"read before"), began)
    assert await cache.find("a", 10) is None
    await cache.keep("b", _entry(b"another"), began)
    assert await cache.find("b", 10) is not None
    await cache.keep("a", _entry(b"read after"), cache.began())
    assert await cache.find("a", 10) is not None
    began = cache.began()
    cache.clear()
    await cache.keep("a", _entry(b"read before"), began)
    assert await cache.find("a", 10) is None


async def test_that_holds_however_much_is_forgotten_meanwhile() -> None:
    cache = _cache()
    began = cache.began()
    await cache.forget(["a"])
    for n in range(30):
        await cache.forget([f"{n}-{i}" for i in range(1_000)])
    await cache.keep("a", _entry(b"read before"), began)
    assert await cache.find("a", 10) is None


async def test_what_many_ask_for_is_made_once() -> None:
    cache, made, go = _cache(), 0, asyncio.Event()

    async def make() -> Entry:
        nonlocal made
        made += 1
        await go.wait()
        return _entry(b"made")

    asking = [asyncio.create_task(cache.get("a", 10, make)) for _ in range(20)]
    await asyncio.sleep(0)
    # One that gives up takes it away from nobody.
    asking[0].cancel()
    await asyncio.sleep(0)
    go.set()
    answers = await asyncio.gather(*asking[1:])
    assert {answer.entry.body for answer in answers} == {b"made"}
    assert made == 1
    assert (await cache.get("a", 10, make)).is_hit


async def test_without_a_database_an_old_answer_is_marked() -> None:
    cache = _cache()

    async def fail() -> Entry:
        raise AutoReconnect("away")

    with pytest.raises(AutoReconnect):
        await cache.get("a", 10, fail)
    await cache.keep("a", _entry(b"old", age=60), cache.began())
    answer = await cache.get("a", 10, fail)
    assert (answer.entry.body, answer.is_stale) == (b"old", True)
