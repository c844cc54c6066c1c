"""Reads at the same time: all answers, or the first error and nothing that still runs."""

import asyncio

import pytest

from query_api.counters.together import together


async def test_none_waits_for_another() -> None:
    begun = asyncio.Barrier(3)

    async def read(answer: str) -> str:
        # Passes only once all three are there.
        await begun.wait()
        return answer

    async with asyncio.timeout(5):
        assert await together({n: read(f"answer {n}") for n in range(3)}) == {
            0: "answer 0",
            1: "answer 1",
            2: "answer 2",
        }


async def test_the_first_error_is_raised_as_it_is_when_the_others_have_ended() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            # Ends late, as a connection that is closed.
            await asyncio.sleep(0)
            ended.set()

    async def fail() -> None:
        await begun.wait()
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        await together({"wait": wait(), "fail": fail()})
    assert ended.is_set()


async def test_who_asks_no_more_takes_the_reads_along() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    asking = asyncio.create_task(together({"wait": wait()}))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert cancelled.is_set()
