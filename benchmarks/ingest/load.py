"""A closed-loop load generator: connections that send the next post when the last one is answered.

Its own process, on bare sockets without asyncio, since it shares the processors with the server and should take
little of them. Prints one JSON object; an answer that is not 202, or a closed connection, is an error.
"""

import json
import re
import selectors
import socket
import statistics
import sys
import time

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def main(port: int, connections: int, warm_up: float, seconds: float) -> None:
    body = json.dumps({"content": "Streams keep what they are told. " * 6, "author": "ada"}).encode()
    request = (
        f"POST /api/v1/posts/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    selector = selectors.DefaultSelector()
    sent_at: dict[socket.socket, float] = {}
    part: dict[socket.socket, bytes] = {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        sent_at[connection] = time.perf_counter()
        connection.send(request)
    latencies: list[float] = []
    accepted = 0
    began = time.perf_counter()
    measured_from, end = began + warm_up, began + warm_up + seconds
    now = began
    while now < end:
        for key, _ in selector.select(1.0):
            connection = key.fileobj  # type: ignore[assignment]
            data = connection.recv(65536)
            if not data:
                sys.exit("the server closed a connection")
            if connection in part:
                data = part.pop(connection) + data
            if not _is_whole(data):
                part[connection] = data
                continue
            if not data.startswith(b"HTTP/1.1 202"):
                sys.exit(f"the server answered {data[:100]!r}")
            accepted += 1
            now = time.perf_counter()
            if now >= measured_from:
                latencies.append(now - sent_at[connection])
            sent_at[connection] = now
            connection.send(request)
        now = time.perf_counter()
    quantiles = statistics.quantiles(latencies, n=100)
    result = {
        "per_second": len(latencies) / seconds,
        "p50_ms": quantiles[49] * 1000,
        "p99_ms": quantiles[98] * 1000,
        "accepted": accepted,
    }
    sys.stdout.write(json.dumps(result))


def _is_whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n")
    length = _LENGTH.search(data, 0, head) if head >= 0 else None
    return length is not None and len(data) >= head + 4 + int(length[1])


main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
