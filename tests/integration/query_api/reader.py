"""A client of the stream that reads as the specification of Server-Sent Events has it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.waiting import until


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: str | None


class Reader:
    """Reads an open stream beside the test."""

    def __init__(self, response: aiohttp.ClientResponse, last_event_id: str | None = None) -> None:
        self.response = response
        self.events: list[Event] = []
        self.comments: list[str] = []
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self._most: int | None = None
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, http: aiohttp.ClientSession, after: str | None = None, **parameters: str) -> "Reader":
        """A stream, of what comes or of what came after an event."""
        headers = {} if after is None else {"Last-Event-ID": after}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        response = await http.get("/api/v1/stream/", headers=headers, params=parameters, timeout=timeout)
        assert response.status == 200, await response.text()
        return cls(response, after)

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def told(self) -> list[Event]:
        """Results and deletes, without what the API tells of itself."""
        return [event for event in self.events if event.name in ("analysis", "deleted")]

    @property
    def post_ids(self) -> list[str]:
        return [event.data["post_id"] for event in self.told]

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    async def until(self, what: str, condition: Callable[["Reader"], Any]) -> Any:
        def found() -> Any:
            if self._task.done():
                self._task.result()
            return condition(self)

        return await until(what, found)

    async def until_told(self, *post_ids: str) -> None:
        await self.until(f"{len(post_ids)} events", lambda _: set(post_ids) <= set(self.post_ids))

    async def until_placed(self) -> str:
        """Wait for the first event; gives its id."""
        await self.until("the place", lambda _: self.last_event_id)
        assert self.last_event_id is not None
        return self.last_event_id

    def stop_after(self, events: int) -> None:
        """Read no further than that, in the middle of what the connection has brought."""
        self._most = events

    async def until_ended(self) -> None:
        async with asyncio.timeout(30):
            await asyncio.wait([self._task])
        self._task.result()

    async def until_closed(self) -> None:
        """Wait for the end, be it one in the middle of an event."""
        with suppress(aiohttp.ClientError):
            await self.until_ended()

    async def close(self) -> None:
        self.response.close()
        self._task.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await self._task

    async def _read(self) -> None:
        name, data, event_id = "message", [], None
        async for line in self.response.content:
            field, _, value = line.decode().rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            if not field and value:
                self.comments.append(value)
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                event_id = value
            elif field == "retry":
                self.retry = int(value)
            elif not field:
                self.last_event_id = event_id or self.last_event_id
                if data:
                    self.events.append(Event(name, json.loads("\n".join(data)), event_id))
                    if self._most is not None and len(self.told) >= self._most:
                        return
                name, data, event_id = "message", [], None
