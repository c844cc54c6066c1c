"""A short way to calls that are made thousands of times a second: past aiohttp's router, into the same shell."""

from collections.abc import Awaitable
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from postpulse.web.middleware import answer

#: Method and path, to the letter, of the calls that go this way; filled by `add_route`.
EXPRESS = web.AppKey("express", dict[tuple[str, str], Handler])


def open_express_way(server: web.Server, app: web.Application) -> None:
    """Let a server that was made for the application take the short way where there is one."""
    through_router = server.request_handler
    handlers = app[EXPRESS]

    # Typed for any request; the application makes its own.
    def handle(request: Any) -> Awaitable[web.StreamResponse]:
        path = request.raw_path
        handler = handlers.get((request.method, path))
        # Whoever waits for 100 Continue is answered by the router.
        if handler is None or hdrs.EXPECT in request.headers:
            return through_router(request)
        return answer(request, handler, path)

    server.request_handler = handle


class ExpressResponse(web.Response):
    """A response that is written in one piece, where nothing about it is for aiohttp to find out.

    Not where the connection closes after it, nor over HTTP/1.0: those are written as any other.
    """

    _written = False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        body = self.body
        if not isinstance(body, bytes) or request.version != HttpVersion11 or not request.keep_alive:
            return await super().prepare(request)
        headers = self.headers
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = rfc822_formatted_time()
        headers[hdrs.SERVER] = SERVER_SOFTWARE
        writer = request.writer
        await writer.write_headers(f"HTTP/1.1 {self.status} {self.reason}", headers)
        await writer.write_eof(body)
        self._written = True
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        if not self._written:
            await super().write_eof(data)

    @property
    def keep_alive(self) -> bool | None:
        return self._written or super().keep_alive
