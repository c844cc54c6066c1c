"""A closed-loop load generator: connections that send the next request when the last one is answered.

Its own process, on bare sockets without asyncio, since it shares the processors with the server and should take
little of them. Reads the requests as a JSON list of texts, which it sends in turn, and prints one JSON object; an
answer of another status, or a closed connection, is an error.
"""

import itertools
import json
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def put_load(
    port: int, connections: int, requests: Sequence[str], status: int, warm_up: float, seconds: float
) -> dict[str, Any]:
    """Run one, for so many seconds after those of warm-up.

    Returns:
        `per_second`, `p50_ms` and `p99_ms` after the warm-up; `answered`, the number of all answers.
    """
    arguments = [str(each) for each in (port, connections, warm_up, seconds, status)]
    answer = subprocess.run(
        [sys.executable, __file__, *arguments],
        input=json.dumps(requests).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=warm_up + seconds + 60,
    )
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def main(port: int, connections: int, warm_up: float, seconds: float, status: str) -> None:
    requests = itertools.cycle([request.encode() for request in json.load(sys.stdin)])
    wanted = f"HTTP/1.1 {status} ".encode()
    selector = selectors.DefaultSelector()
    sent_at: dict[socket.socket, float] = {}
    part: dict[socket.socket, bytes] = {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        sent_at[connection] = time.perf_counter()
        connection.send(next(requests))
    latencies: list[float] = []
    answered = 0
    began = time.perf_counter()
    measured_from, end = began + warm_up, began + warm_up + seconds
    now = began
    # Whoever is too slow for two answers in that time is given more.
    while now < end or len(latencies) < 2:
        for key, _ in selector.select(1.0):
            connection = key.fileobj  # type: ignore[assignment]
            data = connection.recv(262_144)
            if not data:
                sys.exit("the server closed a connection")
            if connection in part:
                data = part.pop(connection) + data
            if not _is_whole(data):
                part[connection] = data
                continue
            if not data.startswith(wanted):
                sys.exit(f"the server answered {data[:100]!r}")
            answered += 1
            now = time.perf_counter()
            if now >= measured_from:
                latencies.append(now - sent_at[connection])
            sent_at[connection] = now
            connection.send(next(requests))
        now = time.perf_counter()
    quantiles = statistics.quantiles(latencies, n=100)
    result = {
        "per_second": len(latencies) / (now - measured_from),
        "p50_ms": quantiles[49] * 1000,
        "p99_ms": quantiles[98] * 1000,
        "answered": answered,
    }
    sys.stdout.write(json.dumps(result))


def _is_whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n")
    length = _LENGTH.search(data, 0, head) if head >= 0 else None
    return length is not None and len(data) >= head + 4 + int(length[1])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
