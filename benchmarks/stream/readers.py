"""Many readers of the stream in one process of its own, on bare protocols: they take little of the processors.

Prints `open` when all streams have told their place, then, when its standard input ends, one JSON object: how many
results each has got, and quantiles of the time from their being sent to their being here.
"""

import asyncio
import json
import statistics
import sys
import time
from typing import Any

import uvloop

_SENT = b'"sent_ns":'
_OPEN_AT_ONCE = 50
_OPEN_SECONDS = 30.0


class _Reader(asyncio.Protocol):
    def __init__(self, request: bytes, latencies: list[float], opened: asyncio.Future[None]) -> None:
        self._request = request
        self._latencies = latencies
        self._opened = opened
        self._rest = b""
        self.count = 0

    # Typed for any transport; uvloop's are of no class of asyncio's.
    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time_ns()
        data = self._rest + data
        if not self._opened.done() and b"event: position" in data:
            self._opened.set_result(None)
        at = data.find(_SENT)
        while at >= 0:
            end = data.find(b",", at)
            if end < 0:
                break
            self._latencies.append((now - int(data[at + len(_SENT) : end])) / 1e6)
            self.count += 1
            at = data.find(_SENT, end)
        # A number that is not all here.
        self._rest = data[at:] if at >= 0 else data[-len(_SENT) :]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionError("closed by the server"))


async def main(port: int, streams: int, query: str, numbers: int) -> None:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    readers: list[_Reader] = []
    turn = asyncio.Semaphore(_OPEN_AT_ONCE)

    async def connect(number: int) -> None:
        path = f"/api/v1/stream/?{query.replace('NUMBER', str(number % numbers))}"
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        opened = loop.create_future()
        async with turn:
            _, reader = await loop.create_connection(
                lambda: _Reader(request, latencies, opened), "127.0.0.1", port
            )
            readers.append(reader)
            await opened

    async with asyncio.timeout(_OPEN_SECONDS):
        await asyncio.gather(*map(connect, range(streams)))
    print("open", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    quantiles = statistics.quantiles(latencies, n=100)
    counts = [reader.count for reader in readers]
    result = {
        "fewest": min(counts),
        "most": max(counts),
        "p50_ms": quantiles[49],
        "p99_ms": quantiles[98],
        "max_ms": max(latencies),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
