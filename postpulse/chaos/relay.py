"""A TCP relay between clients and a server: it may hold everything back, refuse everybody, or cut connections."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from postpulse.embedded.ports import HOST


class Relay:
    """Passes bytes on, both ways, unless it is told otherwise. Of one event loop.

    Args:
        port: of the server, on 127.0.0.1.
        cuts: for each of the first connections, the number of bytes of answers after which it is reset.
    """

    def __init__(self, port: int, cuts: Sequence[int] = ()) -> None:
        self._port = port
        self.cuts = list(cuts)
        """Those that are left."""
        self._passing = asyncio.Event()
        self._passing.set()
        self._refusing = False
        self._ends: set[_End] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self.accepted = 0
        """Connections that clients have made, refused ones included."""

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        """Pass on until the end of the block; gives the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _End(self, self._accept), HOST, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connecting in self._connecting:
                connecting.cancel()
            self._reset()
            await asyncio.gather(*self._connecting, return_exceptions=True)
            await server.wait_closed()

    @property
    def passing(self) -> bool:
        return self._passing.is_set()

    def hold(self) -> int:
        """From now on nothing passes, and nobody is told: connections stay open, new ones are not answered.

        Returns:
            How many connections that hit.
        """
        self._passing.clear()
        for end in self._ends:
            end.transport.pause_reading()
        return len(self._ends) // 2

    def refuse(self) -> int:
        """Reset all connections, and from now on each new one.

        Returns:
            How many there were.
        """
        self._refusing = True
        return self._reset()

    def heal(self, reset: bool = True) -> None:
        """Pass on again.

        Args:
            reset: what was held back is lost, and its connections are reset; otherwise it comes late.
        """
        self._refusing = False
        if reset:
            self._reset()
        self._passing.set()
        for end in self._ends:
            end.listen()

    def _reset(self) -> int:
        ends, self._ends = self._ends, set()
        for end in ends:
            end.transport.abort()
        return len(ends) // 2

    def _accept(self, end: "_End") -> None:
        self.accepted += 1
        if self._refusing:
            end.transport.abort()
            return
        self._keep(end)
        connecting = asyncio.create_task(self._connect(end))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)

    async def _connect(self, client: "_End") -> None:
        await self._passing.wait()
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_connection(lambda: _End(self, self._keep), HOST, self._port)
        except OSError:
            client.transport.abort()
            return
        if self.cuts:
            server.left = self.cuts.pop(0)
        client.other, server.other = server, client
        if client.transport.is_closing() or server.transport.is_closing():
            client.transport.abort()
            server.transport.abort()
            return
        client.listen()
        server.listen()

    def _keep(self, end: "_End") -> None:
        self._ends.add(end)
        end.transport.pause_reading()

    def forget(self, end: "_End") -> None:
        self._ends.discard(end)


class _End(asyncio.Protocol):
    """One of the two ends of what is connected through a relay."""

    transport: asyncio.Transport

    def __init__(self, relay: Relay, on_made: Callable[["_End"], None]) -> None:
        self.other: _End | None = None
        self.left: int | None = None
        """Bytes that may still be read from it before both are reset; None: any number."""
        self._relay = relay
        self._on_made = on_made
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._on_made(self)

    def listen(self) -> None:
        """Read from it, if what is read can be passed on."""
        if self._relay.passing and self.other is not None and not self.other._is_full:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if self.left is None:
            self.other.transport.write(data)
            return
        self.other.transport.write(data[: self.left])
        self.left -= len(data)
        if self.left <= 0:
            self.other.transport.abort()
            self.transport.abort()

    def pause_writing(self) -> None:
        self._is_full = True
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_full = False
        if self.other is not None:
            self.other.listen()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.forget(self)
        if self.other is None:
            return
        if exc is None:
            # What was read before goes to the other one all the same.
            self.other.transport.close()
        else:
            self.other.transport.abort()
