"""Free TCP ports on 127.0.0.1."""

import random
import socket
from collections.abc import Callable, Iterable

HOST = "127.0.0.1"
#: Below the range that systems give to outgoing connections, so that none of those takes the port first.
_OWN_RANGE = range(20_000, 32_000)
#: Given a port, makes another way to it, and returns the port at which that begins.
WayIn = Callable[[int], int]


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do it: connections that linger from an earlier process are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def accepts(port: int, host: str = HOST) -> bool:
    """Whether a server listens there now."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def choose_port(preferred: Iterable[int] = (), taken: Iterable[int] = ()) -> int:
    """The first preferred port that is free, else another free one; none of those in `taken`."""
    refused = set(taken)
    for port in preferred:
        if port not in refused and is_free(port):
            return port
    for port in random.sample(_OWN_RANGE, len(_OWN_RANGE)):
        if port not in refused and is_free(port):
            return port
    raise OSError("no free port on 127.0.0.1")


def choose_ports(count: int) -> list[int]:
    """So many free ports, no two the same."""
    ports: list[int] = []
    for _ in range(count):
        ports.append(choose_port(taken=ports))
    return ports
