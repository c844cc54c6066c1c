"""Puts: durable when they return, many of them with one fsync, bounded, refused on a full disk."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from postpulse.settings import ConfigurationError
from producer_api.spool.report import look
from producer_api.spool.spool import Spool, SpoolError, SpoolFullError
from tests.unit.producer_api.spool.records import record, reopened

_LIMIT = 10_000_000


@pytest.fixture
async def new_spool(tmp_path: Path) -> AsyncIterator[Callable[[int], Spool]]:
    """`new_spool(limit)`: one that is not open yet; it is closed at the end."""
    made: list[Spool] = []

    def new(max_bytes: int = _LIMIT) -> Spool:
        made.append(Spool(tmp_path, max_bytes))
        return made[-1]

    yield new
    for spool in made:
        await spool.close()


async def test_puts_that_come_together_share_a_write_and_an_fsync(
    tmp_path: Path, new_spool: Callable[[int], Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = new_spool(_LIMIT)
    await spool.open()
    await spool.put([record(b"first")])
    count = 0
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        nonlocal count
        count += 1
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    await asyncio.gather(*(spool.put([record(b"%d" % n)]) for n in range(500)))
    assert 1 <= count <= 3
    await spool.close()
    assert reopened(tmp_path) == [b"first", *(b"%d" % n for n in range(500))]


async def test_the_limit_counts_what_waits_to_be_written(new_spool: Callable[[int], Spool]) -> None:
    spool = new_spool(10_000)
    await spool.open()
    results = await asyncio.gather(
        *(spool.put([record(b"x" * 1000)]) for _ in range(20)), return_exceptions=True
    )
    full = [result for result in results if isinstance(result, SpoolFullError)]
    assert len(full) == 11
    assert results[:9] == [None] * 9
    assert spool.bytes <= 10_000
    with pytest.raises(SpoolFullError, match="10000 bytes"):
        await spool.put([record(b"x" * 1000)])
    # A smaller one may still fit, and there is room again when something was drained.
    await spool.advance(await spool.read(3, 10_000))
    await spool.put([record(b"x" * 1000)])


async def test_it_tells_what_it_holds(new_spool: Callable[[int], Spool]) -> None:
    spool = new_spool(_LIMIT)
    await spool.open()
    assert (spool.holds, spool.records, spool.bytes, spool.oldest_age_seconds) == (False, 0, 0, 0.0)
    putting = asyncio.create_task(spool.put([record(b"one"), record(b"two")]))
    await asyncio.sleep(0)
    # From the moment it is on its way, others line up behind it.
    assert spool.holds
    assert spool.bytes > 0
    await putting
    assert spool.records == 2
    assert REGISTRY.get_sample_value("postpulse_spool_records") == 2
    assert REGISTRY.get_sample_value("postpulse_spool_bytes") == spool.bytes
    await spool.advance(await spool.read(10, 10_000))
    assert (spool.holds, spool.records, spool.bytes, spool.oldest_age_seconds) == (False, 0, 0, 0.0)


async def test_a_put_whose_caller_is_gone_is_kept_and_harms_nobody(
    tmp_path: Path, new_spool: Callable[[int], Spool]
) -> None:
    spool = new_spool(_LIMIT)
    await spool.open()
    gone = asyncio.create_task(spool.put([record(b"gone")]))
    await asyncio.sleep(0)
    gone.cancel()
    await spool.put([record(b"here")])
    await spool.close()
    assert reopened(tmp_path) == [b"gone", b"here"]


async def test_a_hand_over_holds_back_what_comes_but_not_for_long(new_spool: Callable[[int], Spool]) -> None:
    spool = new_spool(_LIMIT)
    await spool.open()
    await spool.put([record(b"last")])
    async with spool.handing_over():
        came = asyncio.create_task(spool.is_handed_over())
        await asyncio.sleep(0)
        assert not came.done()
        await spool.advance(await spool.read(1, _LIMIT))
    assert await came
    await spool.put([record(b"stuck")])
    async with spool.handing_over():
        # The brokers do not answer: whoever comes lines up behind.
        async with asyncio.timeout(10):
            assert not await spool.is_handed_over()


async def test_a_closed_spool_refuses(new_spool: Callable[[int], Spool]) -> None:
    spool = new_spool(_LIMIT)
    await spool.open()
    await spool.close()
    with pytest.raises(SpoolError, match="closed"):
        await spool.put([record(b"late")])


async def test_a_directory_that_is_taken_or_none_is_named_with_its_setting(tmp_path: Path) -> None:
    first, second = Spool(tmp_path / "a" / "b", _LIMIT), Spool(tmp_path / "a" / "b", _LIMIT)
    await first.open()
    with pytest.raises(
        ConfigurationError, match=r"POSTPULSE_SPOOL_DIRECTORY: another process has .* name another"
    ):
        await second.open()
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigurationError, match=r"POSTPULSE_SPOOL_DIRECTORY: .*file cannot be used \(.*name another"
    ):
        await Spool(tmp_path / "file", _LIMIT).open()
    await first.close()


_HEADER = """
import asyncio, resource, signal, sys
from pathlib import Path
from producer_api.spool.spool import Spool, SpoolError
from tests.unit.producer_api.spool.records import record
"""
_UNTIL_KILLED = (
    _HEADER
    + """
async def main():
    spool = Spool(Path(sys.argv[1]), 1 << 30)
    await spool.open()
    async def client(c):
        for n in range(1_000_000):
            await spool.put([record(b"%d %d" % (c, n))])
            sys.stdout.buffer.write(b"%d %d\\n" % (c, n))
            sys.stdout.buffer.flush()
    await asyncio.gather(*map(client, range(8)))
asyncio.run(main())
"""
)
#: The file may not grow beyond this: writes end in the middle of a frame, then fail, as on a full disk.
_ON_A_SMALL_DISK = (
    _HEADER
    + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
async def main():
    spool = Spool(Path(sys.argv[1]), 1 << 30)
    await spool.open()
    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for n in range(40):
        limit(1500 if n % 8 == 7 else resource.RLIM_INFINITY)
        try:
            await spool.put([record(b"%d " % n + b"x" * 1000), record(b"%d " % n + b"y" * 1000)])
        except SpoolError as exc:
            assert spool.fault and not spool.has_room
            print("refused:", exc)
        else:
            print(n)
    limit(resource.RLIM_INFINITY)
    await spool.probe()
    assert spool.has_room
asyncio.run(main())
"""
)


def test_whatever_a_killed_process_has_confirmed_is_there(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        confirmed = [process.stdout.readline() for _ in range(3000)]
        process.send_signal(signal.SIGKILL)
        confirmed += [line for line in process.stdout if line.endswith(b"\n")]
    assert look(tmp_path).is_whole
    kept = [value for value in reopened(tmp_path) if value is not None]
    assert len(kept) == len(set(kept))
    assert {line.strip() for line in confirmed} <= set(kept)
    # Each client waits for one put before the next, so that its records are in order.
    for client in range(8):
        numbers = [int(value.split()[1]) for value in kept if value.startswith(b"%d " % client)]
        assert numbers == list(range(len(numbers)))


def test_a_full_disk_refuses_what_it_cannot_hold_and_corrupts_nothing(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_SMALL_DISK, str(tmp_path)],
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    accepted = [int(line) for line in lines if line.isdecimal()]
    assert len(accepted) == 35
    assert lines.count("refused: the spool cannot be written: File too large") == 5
    assert look(tmp_path).is_whole
    values = [value for value in reopened(tmp_path) if value is not None]
    assert [int(value.split()[0]) for value in values] == [n for n in accepted for _ in range(2)]
