"""What OpenAPI says of the call that takes many posts."""

from typing import Any

import msgspec
from aiohttp import web

from postpulse.settings import IntakeSettings
from postpulse.web.application import SETTINGS
from postpulse.web.openapi import (
    SCHEMAS,
    describe,
    lines_of,
    problem_response,
    schema_ref,
    unsupported_response,
)
from postpulse.web.problems import Problem
from producer_api.routes.posts_openapi import POST_ID

JSON = "application/json"
NDJSON = "application/x-ndjson"
_BLANK = Problem(422, "content must not be empty or blank.", field="content").document()
_RESULTS = [
    {"index": 0, "status": 202, "post_id": POST_ID},
    {"index": 1, "status": 422, "problem": _BLANK},
]
_RESULT: dict[str, Any] = {
    "type": "object",
    "required": ["index", "status"],
    "properties": {
        "index": {
            "type": "integer",
            "minimum": 0,
            "description": "Place in the input; blank lines do not count.",
        },
        "status": {
            "type": "integer",
            "description": "202, or the status that the post alone would have had.",
        },
        "post_id": {"type": "string"},
        "problem": schema_ref("Problem"),
    },
    "examples": _RESULTS,
}
_ALL_RESULTS: dict[str, Any] = {
    "type": "object",
    "required": ["accepted", "refused", "results"],
    "properties": {
        "accepted": {"type": "integer", "minimum": 0},
        "refused": {"type": "integer", "minimum": 0},
        "results": {"type": "array", "items": schema_ref("BatchResult")},
    },
    "examples": [{"accepted": 1, "refused": 1, "results": _RESULTS}],
}


def describe_batch(app: web.Application) -> None:
    app[SCHEMAS].update({"BatchResult": _RESULT, "BatchResults": _ALL_RESULTS})
    describe(app, "/api/v1/posts/batch/", "post", _create(app[SETTINGS].intake))


def _lines(documents: list[dict[str, Any]]) -> str:
    return "".join(msgspec.json.encode(document).decode() + "\n" for document in documents)


def _create(limits: IntakeSettings) -> dict[str, Any]:
    posts = [{"content": "Hello, world!", "idempotency_key": "order-4711"}, {"content": "Bye."}]
    return {
        "operationId": "createPosts",
        "summary": "Send many posts",
        "description": "A JSON array is answered at once; NDJSON is streamed both ways, a line of answer for each "
        "line, without a limit. One post that is refused never fails the others: the status is 200, and each has "
        "a result of its own. A stream that breaks off ends with a result that says why.",
        "tags": ["posts"],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {
                        "type": "array",
                        "items": schema_ref("NewPost"),
                        "maxItems": limits.max_batch_items,
                    },
                    "example": posts,
                },
                NDJSON: {"schema": lines_of("NewPost"), "example": _lines(posts)},
            },
        },
        "responses": {
            "200": {
                "description": "A result for each post, in input order.",
                "content": {
                    JSON: {"schema": schema_ref("BatchResults")},
                    NDJSON: {"schema": lines_of("BatchResult"), "example": _lines(_RESULTS)},
                },
            },
            "400": problem_response("Not JSON, or not packed as its Content-Encoding says."),
            "413": problem_response(
                "Larger, or more posts, than allowed; `limit` says how much is.",
                Problem(
                    413,
                    f"A batch must be at most {limits.max_batch_items} posts; send more as {NDJSON}.",
                    limit=limits.max_batch_items,
                ),
            ),
            "415": unsupported_response(JSON, NDJSON),
            "422": problem_response("Not an array.", Problem(422, "The body must be a JSON array of posts.")),
        },
    }
