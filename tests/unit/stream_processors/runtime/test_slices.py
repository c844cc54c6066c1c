"""Long work in slices: the event loop gets control back after each, whoever else computes."""

import asyncio
from types import SimpleNamespace

import pytest

from stream_processors.runtime import slices
from stream_processors.runtime.slices import Slices

_SLICE = 0.01


class Clock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(slices, "time", SimpleNamespace(monotonic=made))
    return made


class Loop:
    """Notes what ran in which turn of the event loop."""

    def __init__(self) -> None:
        self.turn = 0
        self.stopped = False

    def tick(self) -> None:
        self.turn += 1
        if not self.stopped:
            asyncio.get_running_loop().call_soon(self.tick)


async def test_the_loop_gets_control_back_after_every_slice_of_nine_computations(clock: Clock) -> None:
    """The other callbacks of the loop wait for one slice at most, not for one of each computation."""
    loop = Loop()
    computed: dict[int, float] = {}
    steps: list[str] = []

    async def compute(name: str) -> None:
        async with Slices() as turn:
            for _ in range(30):
                await turn.pause()
                clock.now += _SLICE / 4
                computed[loop.turn] = computed.get(loop.turn, 0.0) + _SLICE / 4
                steps.append(name)

    loop.tick()
    await asyncio.gather(*(compute(str(n)) for n in range(9)))
    loop.stopped = True
    assert len(steps) == 9 * 30
    # A slice ends with the step that fills it.
    assert max(computed.values()) <= _SLICE * 1.26
    # Nobody waits until another has finished: all have begun before the first is half done.
    assert {*"012345678"} <= set(steps[: 9 * 6])


async def test_short_computations_share_the_loop_too(clock: Clock) -> None:
    """Each is done before its first slice is: they must not all run in one round of the loop."""
    loop = Loop()
    computed: list[int] = []

    async def compute() -> None:
        async with Slices():
            computed.append(loop.turn)

    loop.tick()
    await asyncio.gather(*(compute() for _ in range(9)))
    loop.stopped = True
    assert len(computed) == len(set(computed)) == 9


async def test_a_pause_within_the_slice_costs_no_turn(clock: Clock) -> None:
    loop = Loop()
    async with Slices() as turn:
        loop.tick()
        before = loop.turn
        for _ in range(1000):
            await turn.pause()
        assert loop.turn == before
        clock.now += _SLICE
        await turn.pause()
        assert loop.turn > before
    loop.stopped = True


async def test_one_computes_at_a_time(clock: Clock) -> None:
    inside = 0

    async def compute() -> None:
        nonlocal inside
        async with Slices() as turn:
            for _ in range(20):
                inside += 1
                assert inside == 1
                # Whatever it awaits in between keeps the others out, too.
                await asyncio.sleep(0)
                inside -= 1
                clock.now += _SLICE / 2
                await turn.pause()

    await asyncio.gather(*(compute() for _ in range(5)))


@pytest.mark.parametrize("steps", range(6))
async def test_one_that_is_cancelled_anywhere_holds_up_nobody(clock: Clock, steps: int) -> None:
    async def compute() -> None:
        async with Slices() as turn:
            for _ in range(10):
                clock.now += _SLICE
                await turn.pause()

    others = [asyncio.create_task(compute()) for _ in range(2)]
    cancelled = asyncio.create_task(compute())
    for _ in range(steps):
        await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    async with asyncio.timeout(5):
        await asyncio.gather(*others, compute())


async def test_one_that_fails_hands_on_its_turn() -> None:
    with pytest.raises(ZeroDivisionError):
        async with Slices():
            raise ZeroDivisionError
    async with asyncio.timeout(5), Slices():
        pass
