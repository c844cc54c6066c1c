"""Answers that are kept for a while, over HTTP: ETag, Age, and where they are from."""

import time
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from postpulse.web.responses import ExpressResponse
from query_api.caching.cache import Found
from query_api.caching.stores import Entry
from query_api.keys import CACHE
from query_api.routes.answers import answered


def entry_of(view: Mapping[str, Any], tag: str | None = None) -> Entry:
    """An answer to keep.

    Args:
        tag: of its ETag; by default one made of the answer itself.
    """
    body = msgspec.json.encode(view)
    return Entry(body, tag or blake2b(body, digest_size=12).hexdigest(), time.time())


def kept_for(seconds: int, view: Callable[[web.Request], Awaitable[Mapping[str, Any]]]) -> Handler:
    """A handler of answers that nobody tells changes of: kept here and by clients for so many seconds.

    Args:
        view: the answer to a request, which must follow from its path and query; raises PyMongoError where there
            is none.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        async def make() -> Entry:
            return entry_of(await view(request))

        question = msgspec.json.encode([request.path, sorted(request.query.items())]).decode()
        found = await answered(request.app[CACHE].get(question, seconds, make))
        return kept_answer(request, found, f"private, max-age={seconds}")

    return handle


def kept_answer(request: web.Request, found: Found, cache_control: str) -> web.StreamResponse:
    """200, or 304 where the client has it; RFC 9211 says whether it was kept, and whether it is stale."""
    headers = {"Cache-Control": cache_control, "Cache-Status": "postpulse; fwd=miss"}
    if found.is_hit:
        headers |= {"Cache-Status": "postpulse; hit", "Age": str(int(found.age))}
    if found.is_stale:
        headers |= {"Cache-Status": "postpulse; hit; detail=stale", "Cache-Control": "no-store"}
    return tagged_answer(request, found.entry, headers)


def tagged_answer(request: web.Request, entry: Entry, headers: Mapping[str, str]) -> web.StreamResponse:
    """200, or 304 where the client says that it has this very answer."""
    # Weak: the same answer may come with gzip or without.
    headers = {"ETag": f'W/"{entry.tag}"', **headers}
    if any(etag.value in (entry.tag, "*") for etag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return ExpressResponse(200, {"Content-Type": "application/json", **headers}, entry.body)
