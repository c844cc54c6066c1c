"""The relay passes bytes on, and does to connections what it is told to."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from postpulse.chaos.relay import Relay
from postpulse.embedded.ports import HOST

Ends = tuple[StreamReader, StreamWriter]
Connect = Callable[[int], Awaitable[Ends]]


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that sends back what it gets."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects to a port; what is open at the end of the test is closed."""
    writers = []

    async def connect(port: int) -> Ends:
        reader, writer = await asyncio.open_connection(HOST, port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _ask(ends: Ends, text: bytes) -> bytes:
    reader, writer = ends
    writer.write(text)
    return await reader.readexactly(len(text))


async def _is_held(asking: Awaitable[bytes]) -> bool:
    """Whether there is no answer although whatever could pass has passed."""
    try:
        await asyncio.wait_for(asyncio.shield(asking), 0.1)
    except TimeoutError:
        return True
    return False


async def test_bytes_pass_on_in_both_directions_however_many(echo: int, connect: Connect) -> None:
    much = bytes(range(256)) * 40_000
    async with Relay(echo).listening() as port:
        ends = await connect(port)
        assert await _ask(ends, b"one") == b"one"
        assert await _ask(ends, much) == much


async def test_what_is_held_back_comes_late_or_never(echo: int, connect: Connect) -> None:
    relay = Relay(echo)
    async with relay.listening() as port:
        old = await connect(port)
        assert await _ask(old, b"before") == b"before"
        assert relay.hold() == 1
        new = await connect(port)
        asking = [asyncio.ensure_future(_ask(ends, b"late")) for ends in (old, new)]
        for each in asking:
            assert await _is_held(each)
        assert relay.accepted == 2
        relay.heal(reset=False)
        assert await asyncio.gather(*asking) == [b"late", b"late"]
        relay.hold()
        never = asyncio.ensure_future(_ask(old, b"never"))
        assert await _is_held(never)
        relay.heal()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await never
        assert await _ask(await connect(port), b"again") == b"again"


async def test_refused_connections_are_reset_old_and_new(echo: int, connect: Connect) -> None:
    relay = Relay(echo)
    async with relay.listening() as port:
        ends = await connect(port)
        assert await _ask(ends, b"before") == b"before"
        assert relay.refuse() == 1
        for each in (ends, await connect(port)):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await _ask(each, b"refused")
        relay.heal()
        assert await _ask(await connect(port), b"after") == b"after"


async def test_the_end_of_a_server_reaches_its_clients(echo: int, connect: Connect) -> None:
    async def answer_and_go(_: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"farewell")
        writer.close()

    async with await asyncio.start_server(answer_and_go, HOST, 0) as server:
        relay = Relay(server.sockets[0].getsockname()[1])
        async with relay.listening() as port:
            reader, _writer = await connect(port)
            assert await reader.read() == b"farewell"
