"""The relays before a cluster's servers, in a thread of their own: load and traffic do not slow each other."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from postpulse.chaos.relay import Relay

_T = TypeVar("_T")


class Relays:
    """Relays to any number of ports on 127.0.0.1, named by these; to be used from any thread."""

    def __init__(self) -> None:
        self._relays: dict[int, Relay] = {}
        self._opened = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)
        self._thread.start()

    def open(self, port: int) -> int:
        """Begin to pass on to a port; returns the one to connect to instead."""
        return self._do(self._open(port))

    def hold(self, ports: Iterable[int]) -> int:
        """See `Relay.hold`; returns how many connections that hit."""
        return self._call(lambda: sum(self._relays[port].hold() for port in ports))

    def refuse(self, ports: Iterable[int]) -> int:
        """See `Relay.refuse`; returns how many connections that hit."""
        return self._call(lambda: sum(self._relays[port].refuse() for port in ports))

    def heal(self, ports: Iterable[int], reset: bool = True) -> None:
        """See `Relay.heal`."""

        def heal() -> None:
            for port in ports:
                self._relays[port].heal(reset)

        self._call(heal)

    def accepted(self, ports: Iterable[int]) -> int:
        """How many connections clients have made so far."""
        return sum(self._relays[port].accepted for port in ports)

    def close(self) -> None:
        """End all connections."""
        self._do(self._opened.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self, port: int) -> int:
        self._relays[port] = Relay(port)
        return await self._opened.enter_async_context(self._relays[port].listening())

    def _call(self, function: Callable[[], _T]) -> _T:
        async def call() -> _T:
            return function()

        return self._do(call())

    def _do(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
