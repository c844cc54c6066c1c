"""What many ask for at the same time is made once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Answers that are being made, by key."""

    def __init__(self) -> None:
        self._making: dict[str, asyncio.Task[_T]] = {}

    async def get(self, key: str, make: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """The answer that is being made, or else a new one. Raises what `make` does."""
        making = self._making.get(key)
        if making is None:
            making = asyncio.create_task(make())
            self._making[key] = making
            making.add_done_callback(lambda made: self._made(key, made))
        # Who gives up waiting takes it away from nobody else.
        return await asyncio.shield(making)

    def clear(self) -> None:
        """Who asks from now on gets none that is being made."""
        self._making.clear()

    def _made(self, key: str, made: asyncio.Task[_T]) -> None:
        if self._making.get(key) is made:
            del self._making[key]
        if not made.cancelled():
            # Looked at, also where nobody waits for it any more.
            made.exception()
