"""One post: its analysis, itself, where it stands."""

import asyncio
import re

from aiohttp import web
from pymongo.errors import PyMongoError

from postpulse.collections import Document
from postpulse.web.application import add_route
from postpulse.web.problems import Problem, unavailable
from query_api.caching.cache import Found
from query_api.keys import ANALYSES, IDS, POSTS, WAITERS
from query_api.live.waiters import TooManyWaitersError
from query_api.queries.posts import analysis_view, post_view
from query_api.routes.answers import FLEETING, answered, database_away, json_answer
from query_api.routes.kept import entry_of, kept_answer, tagged_answer
from query_api.routes.posts_openapi import describe_posts

MAX_WAIT_SECONDS = 60.0
_CLIENT_CHECK_SECONDS = 2.0
_WAIT = re.compile(r"([0-9]{1,9}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?")
#: A post may be edited or deleted, so that every use asks whether it still is as it was.
_REVALIDATE = "private, no-cache"


def install(app: web.Application) -> None:
    add_route(app, "GET", "/api/v1/posts/{post_id}/analysis/", get_analysis)
    add_route(app, "GET", "/api/v1/posts/{post_id}/status/", get_status)
    add_route(app, "GET", "/api/v1/posts/{post_id}/", get_post)
    describe_posts(app)


async def get_analysis(request: web.Request) -> web.StreamResponse:
    """200 with the analysis, 202 while it is under way, 404, 410, or 422 for a dead-lettered post."""
    post_id = _post_id(request)
    wait = _wait_seconds(request)
    try:
        found = await _find_analysis(request, post_id, wait)
    except PyMongoError as error:
        found = await request.app[ANALYSES].stale(post_id)
        if found is None:
            raise database_away(error) from None
    return _under_way(post_id) if found is None else kept_answer(request, found, _REVALIDATE)


async def _find_analysis(request: web.Request, post_id: str, wait: float) -> Found | None:
    """The analysis of a post; None while it is under way.

    Raises:
        Problem: the post is gone.
        PyMongoError: the database did not answer.
    """
    analyses = request.app[ANALYSES]
    found = await analyses.find(post_id)
    if found is not None:
        return found
    began = analyses.began()
    document = await _analysis(request, post_id, wait)
    if document is None or not _settled(document):
        return None
    _refuse_gone(document)
    tag = f"{post_id}-{document['offset']}-{document['analysis_version']}"
    entry = entry_of(analysis_view(document), tag)
    await analyses.keep(post_id, entry, began)
    return Found(entry, 0.0, is_hit=False)


async def get_post(request: web.Request) -> web.StreamResponse:
    """200 with the post as it was sent, 202 while it is not stored yet, 404, 410 or 422."""
    post_id = _post_id(request)
    document = await answered(request.app[POSTS].post(post_id))
    if document is None:
        return _under_way(post_id)
    _refuse_gone(document)
    tag = f"{post_id}-{document['offset']}-{document['state']}"
    return tagged_answer(request, entry_of(post_view(document), tag), {"Cache-Control": _REVALIDATE})


async def get_status(request: web.Request) -> web.Response:
    """Where a post stands; 404 for one that was never issued."""
    return json_answer(await answered(request.app[POSTS].status(_post_id(request))), 200, FLEETING)


async def _analysis(request: web.Request, post_id: str, seconds: float) -> Document | None:
    """The document of a post; waits up to so many seconds until its analysis is there."""

    async def look() -> Document | None:
        return await request.app[POSTS].analysis(post_id)

    if not seconds:
        return await look()
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        # Registered before the look: an event between the two is not missed.
        with request.app[WAITERS].waiting_for(post_id) as news:
            document = await look()
            while not _settled(document) and await _woken(request, news, deadline):
                news.clear()
                document = await look()
    except TooManyWaitersError:
        document = await look()
        if not _settled(document):
            raise unavailable("Too many requests wait for analyses; ask again without wait.") from None
        return document
    # The last look is for a feed that cannot tell the news: the broker may be away.
    return document if _settled(document) else await look()


async def _woken(request: web.Request, news: asyncio.Event, deadline: float) -> bool:
    """Wait for news; False when the time is over, the client has gone or the service stops."""
    loop = asyncio.get_running_loop()
    while request.transport is not None and not request.app[WAITERS].closed:
        # aiohttp does not tell a handler that its client has gone.
        until = min(deadline, loop.time() + _CLIENT_CHECK_SECONDS)
        try:
            async with asyncio.timeout_at(until):
                await news.wait()
        except TimeoutError:
            if until == deadline:
                return False
        else:
            return not request.app[WAITERS].closed
    return False


def _settled(document: Document | None) -> bool:
    """Whether there is nothing to wait for: the post is analyzed, deleted or dead-lettered."""
    return document is not None and document["state"] != "analyzing"


def _post_id(request: web.Request) -> str:
    post_id = request.app[IDS].recognize(request.match_info["post_id"])
    if post_id is None:
        raise Problem(404, "There is no such post: this post_id was not issued here.", headers=FLEETING)
    return post_id


def _wait_seconds(request: web.Request) -> float:
    text = request.query.get("wait", "0")
    if not _WAIT.fullmatch(text) or float(text) > MAX_WAIT_SECONDS:
        raise Problem(422, f"wait must be a number of seconds from 0 to {MAX_WAIT_SECONDS:g}.", field="wait")
    return float(text)


def _refuse_gone(document: Document) -> None:
    if document["state"] == "deleted":
        raise Problem(410, "The post was deleted.", headers=FLEETING)
    if document["state"] == "dead":
        raise Problem(
            422,
            f"The post could not be processed and lies with the dead letters: {document['reason']}",
            headers=FLEETING,
            stage=document["stage"],
            reason=document["reason"],
        )


def _under_way(post_id: str) -> web.Response:
    return json_answer({"post_id": post_id, "status": "analyzing"}, 202, {"Retry-After": "1", **FLEETING})
