"""The connection of one open stream: what is written to it, what waits until its reader takes more, how it ends."""

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import cached_property

from aiohttp import HttpVersion11, web

from query_api.live.position import Position

#: What may wait for one reader, beside the 64 KiB that the transport takes. A single larger event may wait alone.
MOST_WAITING_RECORDS = 1000
MOST_WAITING_BYTES = 512 * 1024
#: A reader that takes nothing for so long has gone, or might as well have.
_STALLED_SECONDS = 10.0
#: What a reader that is cut off may take to read why.
_LAST_WORD_SECONDS = 5.0
_LOOK_SECONDS = 0.05


class StalledError(Exception):
    """The reader takes nothing any more."""


class Chunk:
    """Whole events, shared by all streams that tell them.

    Attributes:
        told_id: the id of the last of them; None where none has one.
        records: how many of the log's they tell.
    """

    def __init__(self, frames: Iterable[bytes], told_id: str | None = None, records: int = 0) -> None:
        self.data = b"".join(frames)
        self.told_id = told_id
        self.records = records

    @cached_property
    def framed(self) -> bytes:
        """As HTTP/1.1 has a chunk of a body."""
        return b"%x\r\n%b\r\n" % (len(self.data), self.data)


class Outlet:
    """Written to straight from the feed while its reader keeps up: no task has to be woken for it.

    What it does not take at once waits in a bounded queue. Where that is full nothing is dropped: the outlet is
    `left_behind` and takes part no more; its session reads on in the log from there.

    Args:
        request: whose response is a stream, with nothing written but its head by the time that anything is told.
    """

    def __init__(self, request: web.Request) -> None:
        if request.transport is None:
            raise ConnectionResetError("the client has gone")
        self._transport = request.transport
        self._protocol = request.protocol
        self._chunked = request.version >= HttpVersion11
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Chunk] = deque()
        self._waiting_records = 0
        self._waiting_bytes = 0
        self.news = asyncio.Event()
        """Set when there is something to do for the session."""
        self.holding = True
        """Whether what comes is to wait, since older events are told first."""
        self.left_behind: Position | None = None
        """Up to where it was told, or has waiting, all there was, before its queue was full."""
        self.written_at = self._loop.time()
        self.told_id: str | None = None
        """The id of the last event that was written."""

    @property
    def gone(self) -> bool:
        """Whether the connection is closed."""
        return self._transport.is_closing()

    @property
    def paused(self) -> bool:
        """Whether the reader has to take something before there is more."""
        return self._protocol.writing_paused

    def offer(self, chunk: Chunk, before: Position) -> bool:
        """Write something, or let it wait; False where there is no room for it, or nobody to read it.

        Args:
            before: the place in the log before its first event.
        """
        if self.gone:
            self.news.set()
            return False
        if not (self.holding or self._waiting or self.paused):
            self.write(chunk)
            return True
        if self._waiting and (
            self._waiting_records + chunk.records > MOST_WAITING_RECORDS
            or self._waiting_bytes + len(chunk.data) > MOST_WAITING_BYTES
        ):
            self.left_behind = before.copy()
            self.news.set()
            return False
        self._waiting.append(chunk)
        self._waiting_records += chunk.records
        self._waiting_bytes += len(chunk.data)
        self.news.set()
        return True

    def write(self, chunk: Chunk) -> None:
        """Write at once, whatever waits; the transport keeps what the reader does not take."""
        if not self.gone:
            self._transport.write(chunk.framed if self._chunked else chunk.data)
            self.written_at = self._loop.time()
            self.told_id = chunk.told_id or self.told_id

    async def write_waiting(self) -> None:
        """Write all that waits, as fast as it is read.

        Raises:
            StalledError: it is not read.
        """
        await self.taken()
        while self._waiting and not self.gone:
            chunk = self._waiting.popleft()
            self._waiting_records -= chunk.records
            self._waiting_bytes -= len(chunk.data)
            self.write(chunk)
            await self.taken()

    async def taken(self) -> None:
        """Wait until the reader has taken enough for more to be written.

        Raises:
            StalledError: it has not.
        """
        if not self.paused or self.gone:
            return
        try:
            async with asyncio.timeout(_STALLED_SECONDS):
                await self._protocol._drain_helper()
        except TimeoutError:
            raise StalledError from None
        except ConnectionError:
            pass

    async def last_word(self, chunk: Chunk) -> None:
        """Write it and close, within seconds, whether or not it is read."""
        self._waiting.clear()
        self.write(chunk)
        until = self._loop.time() + _LAST_WORD_SECONDS
        while not self.gone and self._transport.get_write_buffer_size():
            if self._loop.time() > until:
                self._transport.abort()
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """The service stops: what the reader does not take at once it does not get."""
        if self.paused:
            self._transport.abort()
        self.news.set()
