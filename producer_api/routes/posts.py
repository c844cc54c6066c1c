"""`POST /api/v1/posts/` and `DELETE /api/v1/posts/<post_id>/`."""

from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import istr

from postpulse.web.application import add_route
from postpulse.web.body import read_body, require_content_type
from postpulse.web.express import ExpressResponse
from postpulse.web.openapi import SCHEMAS, describe, json_response, problem_response, schema_ref
from postpulse.web.problems import Problem
from producer_api.acceptance import Acceptance
from producer_api.intake import MAX_IDEMPOTENCY_KEY_LENGTH, MAX_NAME_LENGTH, MAX_TAG_LENGTH, Intake
from producer_api.keys import ACCEPTANCE, IDS, INTAKE

#: Names that need not be compared letter by letter each time.
_IDEMPOTENCY_KEY = istr("Idempotency-Key")
_TRACEPARENT = istr("traceparent")

POST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["content"],
    "properties": {
        "content": {
            "type": "string",
            "description": "The text; not blank, at most 1 MiB of UTF-8 by default.",
        },
        "author": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_NAME_LENGTH},
        "created_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When it was written, at most 5 minutes in the future; the time it is counted under.",
        },
        "lang": {
            "type": ["string", "null"],
            "description": "BCP 47; kept in lower case.",
            "examples": ["en"],
        },
        "source": {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_NAME_LENGTH},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG_LENGTH}},
        "idempotency_key": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": MAX_IDEMPOTENCY_KEY_LENGTH,
            "description": "As the header Idempotency-Key, which goes before it: for the posts of a batch.",
        },
    },
    "examples": [{"content": "Hello, world!", "author": "ada", "lang": "en", "tags": ["greeting"]}],
}
ACCEPTED_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["post_id", "status"],
    "properties": {
        "post_id": {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{32}$"},
        "status": {"const": "accepted"},
    },
}


def install(app: web.Application) -> None:
    add_route(app, "POST", "/api/v1/posts/", _creator(app[INTAKE], app[ACCEPTANCE]), express=True)
    add_route(app, "DELETE", "/api/v1/posts/{post_id}/", delete)
    app[SCHEMAS].update({"NewPost": POST_SCHEMA, "Accepted": ACCEPTED_SCHEMA})
    describe(app, "/api/v1/posts/", "post", _CREATE)
    describe(app, "/api/v1/posts/{post_id}/", "delete", _DELETE)


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


_CREATE = {
    "operationId": "createPost",
    "summary": "Send a post",
    "tags": ["posts"],
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key with the same content gives the same post_id, so that a retry is safe.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_LENGTH},
        }
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": schema_ref("NewPost")}}},
    "responses": {
        "202": json_response(
            "Acknowledged by the brokers, or durable on disk until they are back; the analysis follows.",
            schema_ref("Accepted"),
            headers={"Location": {"description": "Of the analysis.", "schema": {"type": "string"}}},
        ),
        "400": problem_response("Not JSON, not UTF-8, or a field given twice."),
        "413": problem_response("Larger than allowed; `limit` says how much is."),
        "415": problem_response("Another content type, charset or content encoding than allowed."),
        "422": problem_response("A field is missing or not allowed; `field` names it."),
        "503": problem_response(
            "The brokers are away and the spool is full, cannot be written or is off; nothing was accepted."
        ),
    },
}
_DELETE = {
    "operationId": "deletePost",
    "summary": "Delete a post, its analysis and its share of every counter",
    "tags": ["posts"],
    "parameters": [{"name": "post_id", "in": "path", "required": True, "schema": {"type": "string"}}],
    "responses": {
        "202": json_response(
            "The tombstone is acknowledged, or durable on disk; the post goes in order.",
            {
                "type": "object",
                "required": ["post_id", "status"],
                "properties": {"post_id": {"type": "string"}, "status": {"const": "deleting"}},
            },
        ),
        "404": problem_response("The post_id was not issued here."),
        "503": problem_response(
            "The brokers are away and there is no room in the spool; nothing was deleted."
        ),
    },
}
