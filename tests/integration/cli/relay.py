"""A TCP relay on a port of its own, that cuts connections where a test says."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes bytes on to a server.

    Args:
        host, port: of the server.
        cuts: for each of the first connections, the number of bytes of answers after which it is reset.
    """

    def __init__(self, host: str, port: int, cuts: list[int] | None = None) -> None:
        self._target = (host, port)
        self.cuts = cuts or []
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        """Pass on until the end of the block; gives the port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await server.wait_closed()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = asyncio.create_task(self._pass_on(reader, writer))
        self._connections.add(connection)

    async def _pass_on(self, reader: StreamReader, writer: StreamWriter) -> None:
        cut = self.cuts.pop(0) if self.cuts else None
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        ways = [
            asyncio.create_task(_pump(reader, up_writer)),
            asyncio.create_task(_pump(up_reader, writer, cut)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, up_writer):
                # Reset, as a process does that dies.
                end.transport.abort()
                with suppress(OSError):
                    await end.wait_closed()


async def _pump(reader: StreamReader, writer: StreamWriter, limit: int | None = None) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece if limit is None else piece[:limit])
            await writer.drain()
            if limit is not None:
                limit -= len(piece)
                if limit <= 0:
                    return
