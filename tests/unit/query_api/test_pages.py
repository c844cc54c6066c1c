"""Pages of lists are made once for many, and forgotten when there is news."""

import asyncio

import pytest

from query_api.caching import pages
from query_api.caching.pages import KeptPages
from tests.waiting import until


class _Maker:
    """Makes numbered pages, each when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> bytes:
        self.begun += 1
        page = f"page {self.begun}".encode()
        await self.may_end.wait()
        return page


def _pages(max_bytes: int = 100_000, live: bool = True) -> KeptPages:
    return KeptPages(max_bytes, lambda: live)


async def test_a_page_is_made_once_until_there_is_news() -> None:
    kept, make = _pages(), _Maker()
    assert [await kept.get("a", make) for _ in range(2)] == [b"page 1"] * 2
    assert await kept.get("b", make) == b"page 2"
    kept.clear()
    assert await kept.get("a", make) == b"page 3"


async def test_many_at_once_share_one_that_is_being_made() -> None:
    kept, make = _pages(max_bytes=0), _Maker()
    make.may_end.clear()
    asking = [asyncio.create_task(kept.get("a", make)) for _ in range(5)]
    await until("it to be begun", lambda: make.begun)
    asking[0].cancel()
    make.may_end.set()
    assert await asyncio.gather(*asking[1:]) == [b"page 1"] * 4
    # There is no room to keep it.
    assert await kept.get("a", make) == b"page 2"


async def test_what_was_begun_before_news_is_for_nobody_who_asks_after_it() -> None:
    kept, make = _pages(), _Maker()
    make.may_end.clear()
    early = asyncio.create_task(kept.get("a", make))
    await until("it to be begun", lambda: make.begun)
    kept.clear()
    late = asyncio.create_task(kept.get("a", make))
    await until("another to be begun", lambda: make.begun == 2)
    make.may_end.set()
    assert (await early, await late) == (b"page 1", b"page 2")
    assert await kept.get("a", make) == b"page 2"


async def test_nothing_is_kept_while_nobody_tells_of_news() -> None:
    kept, make = _pages(live=False), _Maker()
    assert [await kept.get("a", make) for _ in range(2)] == [b"page 1", b"page 2"]


async def test_a_page_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_SECONDS", 0.0)
    kept, make = _pages(), _Maker()
    assert [await kept.get("a", make) for _ in range(2)] == [b"page 1", b"page 2"]


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    kept, make = _pages(), _Maker()

    async def fail() -> bytes:
        raise OSError("away")

    answers = await asyncio.gather(*(kept.get("a", fail) for _ in range(2)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["away"] * 2
    assert await kept.get("a", make) == b"page 1"
