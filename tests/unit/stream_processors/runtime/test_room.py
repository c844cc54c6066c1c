"""Many together, or one alone: nobody beside it, nobody overtakes it, nobody is kept out for good."""

import asyncio

import pytest

from stream_processors.runtime.room import Room


async def test_one_alone_waits_for_those_inside_and_keeps_out_those_who_come_later() -> None:
    room = Room()
    inside: list[str] = []
    history: list[tuple[str, ...]] = []
    leave = {name: asyncio.Event() for name in ("a", "b", "alone", "later")}

    async def be(name: str) -> None:
        async with room.alone() if name == "alone" else room.together():
            inside.append(name)
            history.append(tuple(inside))
            await leave[name].wait()
            inside.remove(name)

    tasks = []
    for name in leave:
        tasks.append(asyncio.create_task(be(name)))
        await asyncio.sleep(0)
    for name in leave:
        leave[name].set()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)
    assert history[:2] == [("a",), ("a", "b")]
    assert history[2:] == [("alone",), ("later",)]


@pytest.mark.parametrize("alone", [True, False])
async def test_one_that_is_cancelled_while_it_waits_leaves_the_door_open(alone: bool) -> None:
    room = Room()
    async with room.together():
        waiting = asyncio.create_task(room.alone().__aenter__())
        await asyncio.sleep(0)
        behind = asyncio.create_task((room.alone() if alone else room.together()).__aenter__())
        await asyncio.sleep(0)
        for task in (behind, waiting):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    async with asyncio.timeout(10):
        async with room.alone():
            pass
        async with room.together():
            pass
