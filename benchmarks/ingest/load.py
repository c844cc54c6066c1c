"""A closed-loop load generator: connections that send the next post when the last one is answered.

Its own process, and protocols on bare sockets, so that it is the same for every server and faster than each.
Prints one JSON object: answers that were not 202 or broken connections are an error, not a figure.
"""

import asyncio
import json
import statistics
import sys
import time


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, latencies: list[float], failed: "asyncio.Future[None]") -> None:
        self._request = request
        self._latencies = latencies
        self._failed = failed
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"
        )
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self._fail(head[:60].decode(errors="replace"))
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        self._received = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was closed: {exc}")

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def _fail(self, reason: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(RuntimeError(reason))


async def main(port: int, connections: int, warm_up: float, seconds: float) -> None:
    body = json.dumps({"content": "Streams keep what they are told. " * 6, "author": "ada"}).encode()
    request = (
        f"POST /api/v1/posts/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    failed: asyncio.Future[None] = loop.create_future()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(request, latencies, failed), "127.0.0.1", port)
    await asyncio.wait((failed,), timeout=warm_up)
    accepted = len(latencies)
    latencies.clear()
    began = time.perf_counter()
    await asyncio.wait((failed,), timeout=seconds)
    took = time.perf_counter() - began
    measured = list(latencies)
    if failed.done():
        failed.result()
    quantiles = statistics.quantiles(measured, n=100)
    result = {
        "per_second": len(measured) / took,
        "p50_ms": quantiles[49] * 1000,
        "p99_ms": quantiles[98] * 1000,
        "accepted": accepted + len(measured),
    }
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    # Without good-byes: closing connections is no failure.
    failed.cancel()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
