"""A process that computes at one thing for too long is ended, with a word about which; one that waits is not."""

import subprocess
import sys

import pytest

_PROGRAM = """
import asyncio, re, sys, time
from types import SimpleNamespace
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.slices import Slices
from stream_processors.runtime.watchdog import Watchdog

def endless():
    while True:
        pass

def endless_in_c():
    re.match("(a+)+$", "a" * 60 + "b")

async def in_a_slice():
    async with Slices() as slices:
        await slices.pause()
        endless()

async def apart():
    async with Slices() as slices:
        await slices.apart(endless)

async def keeping_the_interpreter():
    async with Slices() as slices:
        await slices.apart(endless_in_c)

async def outside_of_slices():
    endless()

async def waiting():
    await asyncio.sleep(2.5)

async def many_steps():
    async with Slices() as slices:
        for _ in range(250):
            await slices.pause()
            await slices.apart(time.sleep, 0.01)

async def main():
    batch = RecordBatch("posts", 3, [SimpleNamespace(offset=7), SimpleNamespace(offset=9)], print)
    async with Watchdog(1.0) as watchdog:
        with watchdog.watching(batch):
            await globals()[sys.argv[1]]()

asyncio.run(main())
print("done")
"""


def _run(how: str) -> "subprocess.CompletedProcess[str]":
    # Waiting for a thread that hangs, a process that was not ended would not end.
    return subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("in_a_slice", "computes for more than 1 s"),
        ("apart", "computes for more than 1 s"),
        ("outside_of_slices", "blocks the event loop for more than 1 s"),
    ],
)
def test_one_that_computes_for_too_long(how: str, what: str) -> None:
    ended = _run(how)
    assert ended.returncode == 1
    assert what in ended.stdout + ended.stderr
    assert "<RecordBatch posts/3 7..9>" in ended.stdout + ended.stderr


def test_one_that_keeps_even_the_watchdog_from_running() -> None:
    ended = _run("keeping_the_interpreter")
    assert ended.returncode == 1
    assert "endless_in_c" in ended.stderr


@pytest.mark.parametrize("how", ["waiting", "many_steps"])
def test_waiting_and_many_short_steps_are_no_fault(how: str) -> None:
    ended = _run(how)
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
