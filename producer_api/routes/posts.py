"""`POST /api/v1/posts/` and `DELETE /api/v1/posts/<post_id>/`."""

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import istr

from postpulse.web.application import add_route
from postpulse.web.body import read_body, require_content_type
from postpulse.web.problems import Problem
from postpulse.web.responses import ExpressResponse
from producer_api.acceptance import Acceptance
from producer_api.intake import Intake
from producer_api.keys import ACCEPTANCE, IDS, INTAKE
from producer_api.routes.posts_openapi import describe_posts

#: Names that need not be compared letter by letter each time.
_IDEMPOTENCY_KEY = istr("Idempotency-Key")
_TRACEPARENT = istr("traceparent")


def install(app: web.Application) -> None:
    add_route(app, "POST", "/api/v1/posts/", _creator(app[INTAKE], app[ACCEPTANCE]), express=True)
    add_route(app, "DELETE", "/api/v1/posts/{post_id}/", delete)
    describe_posts(app)


def _creator(intake: Intake, acceptance: Acceptance) -> Handler:
    async def create(request: web.Request) -> web.StreamResponse:
        """Accept one post: 202 once the brokers have acknowledged it, or it is durable in the spool."""
        headers = request.headers
        require_content_type(request, "application/json")
        body = await read_body(request, intake.max_body_bytes)
        post = intake.post(body, headers.get(_IDEMPOTENCY_KEY))
        await acceptance.accept(post, headers.get(_TRACEPARENT))
        post_id = post.post_id
        return ExpressResponse(
            202,
            {"Content-Type": "application/json", "Location": f"/api/v1/posts/{post_id}/analysis/"},
            # An id is letters and digits: nothing to escape.
            f'{{"post_id":"{post_id}","status":"accepted"}}'.encode(),
        )

    return create


async def delete(request: web.Request) -> web.Response:
    """Take a post out of everything: 202 once its tombstone is acknowledged, or durable in the spool."""
    post_id = request.app[IDS].recognize(request.match_info["post_id"])
    if post_id is None:
        raise Problem(404, "There is no such post: this post_id was not issued here.")
    await request.app[ACCEPTANCE].delete(post_id)
    return web.Response(
        status=202,
        body=msgspec.json.encode({"post_id": post_id, "status": "deleting"}),
        content_type="application/json",
    )
