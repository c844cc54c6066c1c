"""Analyzed posts: a page of them, or all of them as one stream."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import HttpVersion11, hdrs, web

from postpulse.collections import Document
from postpulse.web.application import add_route
from postpulse.web.problems import Problem, unavailable
from query_api.keys import EXPORTS, PAGES, POST_LIST
from query_api.queries.post_list import NoTextIndexError, row_view, summary_view
from query_api.routes.answers import FLEETING, answered
from query_api.routes.parameters import query_parameters
from query_api.routes.post_list_openapi import describe_post_list
from query_api.routes.post_list_parameters import ExportParameters, ListParameters, cursor_of
from query_api.routes.post_rows import FORMATS, Format

MOST_EXPORTS = 8
_PIECE_BYTES = 64 * 1024
#: For which a client may leave what is written to it unread.
_READ_SECONDS = 60.0
_NO_TEXT = (
    "Posts are not found by text here: the workers' setting mongo.text_index (POSTPULSE_MONGO_TEXT_INDEX) is off, "
    "or was turned on and none of them has started since."
)

log = structlog.get_logger(__name__)
_T = TypeVar("_T")


def install(app: web.Application) -> None:
    """Before the calls about one post, which would take "export" for an id."""
    app[EXPORTS] = asyncio.Semaphore(MOST_EXPORTS)
    add_route(app, "GET", "/api/v1/posts/", list_posts)
    add_route(app, "GET", "/api/v1/posts/export/", export_posts)
    describe_post_list(app)


async def list_posts(request: web.Request) -> web.Response:
    """A page of posts, newest first."""

    async def make() -> bytes:
        given = query_parameters(dict(request.query), ListParameters)
        page = request.app[POST_LIST].page(given.filters, given.after, given.limit)
        posts, following = await _found(page)
        answer: dict[str, Any] = {"posts": [summary_view(post) for post in posts]}
        if following is not None:
            answer["next_cursor"] = cursor_of(following)
        return msgspec.json.encode(answer)

    body = await request.app[PAGES].get(request.rel_url.raw_query_string, make)
    return web.Response(body=body, content_type="application/json", headers=FLEETING)


async def export_posts(request: web.Request) -> web.StreamResponse:
    """All posts that the filters hold for, as they come from MongoDB; its failure ends the connection."""
    given = query_parameters(dict(request.query), ExportParameters)
    if request.version < HttpVersion11:
        raise Problem(
            505, "An export takes HTTP/1.1: before it, an end cannot be told from a broken connection."
        )
    exports = request.app[EXPORTS]
    if exports.locked():
        raise unavailable(f"{MOST_EXPORTS} exports are under way; ask again later.", retry_after=10)
    async with exports, aclosing(request.app[POST_LIST].every(given.filters)) as posts:
        # Until here, an error is an answer; after it, one that breaks off.
        first = await _found(anext(posts, None))
        return await _stream(request, FORMATS[given.format], first, posts)


async def _stream(
    request: web.Request, form: Format, first: Document | None, others: AsyncGenerator[Document, None]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={**FLEETING, hdrs.CONTENT_TYPE: form.content_type, **form.headers})
    try:
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        piece = bytearray(form.beginning)
        post = first
        while post is not None:
            piece += form.line(row_view(post))
            if len(piece) >= _PIECE_BYTES:
                await _write(response, piece)
                piece.clear()
            post = await anext(others, None)
        await _write(response, piece)
        await response.write_eof()
    except (ConnectionResetError, TimeoutError) as exc:
        log.info("an export's client has gone, or does not read", path=request.path_qs, reason=repr(exc))
        if request.transport is not None:
            # aiohttp would write the end of the answer, were the connection still there.
            request.transport.abort()
    return response


async def _write(response: web.StreamResponse, piece: bytearray) -> None:
    async with asyncio.timeout(_READ_SECONDS):
        await response.write(bytes(piece))
    # It waits only where much is unsent; others are to have their turn anyway.
    await asyncio.sleep(0)


async def _found(question: Awaitable[_T]) -> _T:
    try:
        return await answered(question)
    except NoTextIndexError:
        raise Problem(501, _NO_TEXT, field="text") from None
