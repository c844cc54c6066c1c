"""A durable queue on disk for what the brokers cannot take at the moment: many puts, one write and one fsync."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from postpulse.kafka.publisher import Record
from postpulse.settings import ConfigurationError, variable_name
from postpulse.telemetry import metrics
from producer_api.spool import frames
from producer_api.spool.frames import Spooled
from producer_api.spool.segments import Entry, Segments, SpoolTakenError

log = structlog.get_logger(__name__)

#: Puts that are written together are not more than this, but for one that is larger by itself.
_GROUP_BYTES = 4 * 1024 * 1024
#: What comes is held back for no longer, however long the brokers take.
_HAND_OVER_SECONDS = 1.0
_SETTING = variable_name("spool", "directory")
_T = TypeVar("_T")


class SpoolError(Exception):
    """The records are not in the spool."""


class SpoolFullError(SpoolError):
    """The spool holds as much as it may."""


@dataclass(slots=True)
class _Put:
    frames: bytes
    records: int
    done: "asyncio.Future[None]"


class Spool:
    """Records on disk, in the order in which they were put. One per process and directory.

    Args:
        directory: where it lies.
        max_bytes: how much it may hold, what waits to be written included. On disk it may be larger by a segment.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.holds = False
        """Whether anything is in it or on its way into it: then all that comes goes behind."""
        self.filled = asyncio.Event()
        """Set while there is something to be drained."""
        self.fault: str | None = None
        """Why the last write failed; None where it did not."""
        self._is_full = False
        self._gate = asyncio.Event()
        self._gate.set()
        self._segments: Segments | None = None
        self._waiting: list[_Put] = []
        self._unwritten_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        # One thread for all that is done to the files, so that no two things are ever done at once.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def open(self) -> None:
        """Take the directory and look at what is in it.

        Raises:
            ConfigurationError: another process has it, or it cannot be used.
        """
        try:
            self._segments = await self._do(Segments, self.directory)
        except SpoolTakenError:
            raise ConfigurationError(
                f"{_SETTING}: another process has {self.directory}, which is for one alone: stop that one, or"
                " name another directory"
            ) from None
        except OSError as exc:
            raise ConfigurationError(
                f"{_SETTING}: {self.directory} cannot be used ({exc.strerror}): make it a directory that can be"
                " written, or name another one"
            ) from None
        self._look()
        metrics.SPOOL_BYTES.set_function(lambda: self.bytes)
        metrics.SPOOL_RECORDS.set_function(lambda: self.records)
        metrics.SPOOL_OLDEST_AGE_SECONDS.set_function(lambda: self.oldest_age_seconds)
        if self.records:
            log.info("the spool holds records of an earlier run", records=self.records, bytes=self.bytes)

    @property
    def bytes(self) -> int:
        """How much it holds, what waits to be written included."""
        return self._unwritten_bytes + (self._segments.bytes if self._segments is not None else 0)

    @property
    def records(self) -> int:
        """How many it holds that are durable."""
        return self._segments.records if self._segments is not None else 0

    @property
    def oldest_age_seconds(self) -> float:
        """How long ago the oldest of them was accepted; 0 where there is none."""
        oldest_at = self._segments.oldest_at if self._segments is not None else None
        return max(0.0, round(time.time() - oldest_at / 1000, 3)) if oldest_at is not None else 0.0

    @property
    def has_room(self) -> bool:
        """Whether it takes records, as far as known."""
        return self.fault is None and not self._is_full

    async def put(self, records: Sequence[Record]) -> None:
        """Put records behind all others; returns when they are durable. All of them, or none.

        Raises:
            SpoolFullError: they would be more than it may hold.
            SpoolError: they cannot be written.
        """
        if self._segments is None:
            raise SpoolError("the spool is closed")
        if not records:
            return
        now = time.time_ns() // 1_000_000
        data = b"".join(frames.encode(Spooled(r.key, r.value, r.headers), now) for r in records)
        self._is_full = self.bytes + len(data) > self.max_bytes
        if self._is_full:
            raise SpoolFullError(f"the spool is full: it may hold {self.max_bytes} bytes")
        put = _Put(data, len(records), asyncio.get_running_loop().create_future())
        self._waiting.append(put)
        self._unwritten_bytes += len(data)
        self.holds = True
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await put.done

    async def is_handed_over(self) -> bool:
        """Whether nothing is left to line up behind; waits for the end of a hand-over, but not for long."""
        await self._gate.wait()
        return not self.holds

    @asynccontextmanager
    async def handing_over(self) -> AsyncIterator[None]:
        """Hold back what comes, for the moment in which the last records are drained.

        Else, under load, there would always be a record that came meanwhile, and never an end to the spooling.
        Where it takes too long, what was held back lines up behind after all.
        """
        self._gate.clear()
        too_long = asyncio.get_running_loop().call_later(_HAND_OVER_SECONDS, self._gate.set)
        try:
            if self._writing is not None:
                await asyncio.wait([self._writing])
            yield
        finally:
            too_long.cancel()
            self._gate.set()

    async def read(self, max_records: int, max_bytes: int) -> list[Entry]:
        """The oldest records; see `Segments.read`. Empty: there is none.

        Raises:
            OSError: they cannot be read.
        """
        assert self._segments is not None
        entries = await self._do(self._segments.read, max_records, max_bytes)
        self._look()
        return entries

    async def advance(self, entries: Sequence[Entry]) -> None:
        """Forget records that were read: they are in the log."""
        assert self._segments is not None
        await self._do(self._segments.advance, entries)
        self._is_full = False
        self._look()

    async def refuse(self, entry: Entry) -> None:
        """Keep a copy of a record that can never be sent, in a file beside; see `Segments.refuse`.

        Raises:
            OSError: there is none.
        """
        assert self._segments is not None
        await self._do(self._segments.refuse, entry)

    async def probe(self) -> None:
        """Find out whether it can be written now.

        Raises:
            OSError: it cannot.
        """
        if self._segments is not None:
            await self._do(self._segments.probe)
            self.fault = None

    async def close(self) -> None:
        """Write what waits, and let go of the directory; what is in it stays for the next start."""
        segments, self._segments = self._segments, None
        if self._writing is not None:
            await self._writing
        if segments is not None:
            await self._do(segments.close)
        self._thread.shutdown(wait=False)

    async def _write(self) -> None:
        """Write what waits, in groups: all that has come while the one before was written."""
        segments = self._segments
        assert segments is not None
        while self._waiting:
            group = self._take_group()
            data = b"".join(put.frames for put in group)
            error: SpoolError | None = None
            try:
                await self._do(segments.append, data, sum(put.records for put in group))
            except Exception as exc:  # whatever it is, somebody waits for an answer
                reason = (exc.strerror if isinstance(exc, OSError) else None) or repr(exc)
                error = SpoolError(f"the spool cannot be written: {reason}")
                if self.fault is None:
                    log.exception("the spool cannot be written", directory=str(self.directory))
                self.fault = reason
            else:
                self.fault = None
            self._unwritten_bytes -= len(data)
            self._look()
            for put in group:
                # A caller that was cancelled no longer waits.
                if put.done.done():
                    continue
                if error is None:
                    put.done.set_result(None)
                else:
                    put.done.set_exception(error)
        self._writing = None

    def _take_group(self) -> list[_Put]:
        size = 0
        for count, put in enumerate(self._waiting):
            size += len(put.frames)
            if count and size > _GROUP_BYTES:
                group, self._waiting = self._waiting[:count], self._waiting[count:]
                return group
        group, self._waiting = self._waiting, []
        return group

    def _look(self) -> None:
        self.holds = self._unwritten_bytes > 0 or self.records > 0
        if self.records:
            self.filled.set()
        else:
            self.filled.clear()

    async def _do(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
