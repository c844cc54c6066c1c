"""What OpenAPI says of the calls that take and delete one post."""

from typing import Any

from aiohttp import web

from postpulse.settings import IntakeSettings
from postpulse.web.application import SETTINGS
from postpulse.web.openapi import (
    SCHEMAS,
    describe,
    json_response,
    problem_response,
    schema_ref,
    unsupported_response,
)
from postpulse.web.problems import Problem, unavailable
from producer_api.intake import LANG, MAX_IDEMPOTENCY_KEY_LENGTH, MAX_NAME_LENGTH, MAX_TAG_LENGTH

POST_ID = "06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F"
_WITHOUT_NUL = "^[^\\u0000]*$"
_NAME = {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_NAME_LENGTH, "pattern": _WITHOUT_NUL}
_KEY = {"minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_LENGTH, "pattern": "^[!-~]*$"}
_ISSUED = {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{32}$"}


def describe_posts(app: web.Application) -> None:
    limits = app[SETTINGS].intake
    app[SCHEMAS].update(
        {
            "NewPost": _new_post(limits),
            "Accepted": _of_post("accepted"),
            "Deleting": _of_post("deleting"),
        }
    )
    describe(app, "/api/v1/posts/", "post", _create(limits))
    describe(app, "/api/v1/posts/{post_id}/", "delete", _DELETE)


def _new_post(limits: IntakeSettings) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["content"],
        "properties": {
            "content": {
                "type": "string",
                "pattern": "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
                "description": "The text; not blank, without NUL, at most "
                f"{limits.max_content_bytes} bytes of UTF-8.",
            },
            "author": _NAME,
            "created_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When it was written, the time it is counted under; not before 1970, at most 5 "
                "minutes in the future.",
            },
            "lang": {
                "type": ["string", "null"],
                "pattern": f"^{LANG}$",
                "description": "BCP 47; kept in lower case.",
            },
            "source": _NAME,
            "tags": {
                "type": "array",
                "maxItems": limits.max_tags,
                "items": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_TAG_LENGTH,
                    "pattern": _WITHOUT_NUL,
                },
            },
            "idempotency_key": {
                **_KEY,
                "type": ["string", "null"],
                "description": "As the header Idempotency-Key, which goes before it: for the posts of a batch.",
            },
        },
        "examples": [{"content": "Hello, world!", "author": "ada", "lang": "en", "tags": ["greeting"]}],
    }


def _of_post(status: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["post_id", "status"],
        "properties": {"post_id": _ISSUED, "status": {"const": status}},
        "examples": [{"post_id": POST_ID, "status": status}],
    }


def _create(limits: IntakeSettings) -> dict[str, Any]:
    largest = limits.max_content_bytes
    return {
        "operationId": "createPost",
        "summary": "Send a post",
        "tags": ["posts"],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key with the same content gives the same post_id: a retry is safe.",
                "schema": {"type": "string", **_KEY},
                "example": "order-4711",
            },
            {
                "name": "traceparent",
                "in": "header",
                "description": "W3C trace context: handed on with the post; anything else is ignored.",
                "schema": {"type": "string"},
                "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema_ref("NewPost")}},
        },
        "responses": {
            "202": json_response(
                "Acknowledged by the brokers, or durable on disk until they are back; the analysis follows.",
                schema_ref("Accepted"),
                headers={
                    "Location": {
                        "description": "Of the analysis.",
                        "required": True,
                        "schema": {"type": "string"},
                        "example": f"/api/v1/posts/{POST_ID}/analysis/",
                    }
                },
            ),
            "400": problem_response(
                "Not JSON, not UTF-8, a field given twice, not packed as its Content-Encoding says, or a key that "
                "is none.",
                Problem(400, "content is given more than once.", field="content"),
            ),
            "413": problem_response(
                "Larger than allowed; `limit` says how much is.",
                Problem(
                    413, f"content must be at most {largest} bytes of UTF-8.", field="content", limit=largest
                ),
            ),
            "415": unsupported_response("application/json"),
            "422": problem_response(
                "A field is missing or not allowed; `field` names it.",
                Problem(422, "content must not be empty or blank.", field="content"),
            ),
            "503": problem_response(
                "The brokers are away and the spool is full, cannot be written or is off; nothing was accepted.",
                unavailable("Not accepted: the brokers do not answer. Send it again later."),
            ),
        },
    }


_DELETE = {
    "operationId": "deletePost",
    "summary": "Delete a post, its analysis and its share of every counter",
    "tags": ["posts"],
    "parameters": [
        {
            "name": "post_id",
            "in": "path",
            "required": True,
            "description": "As POST /api/v1/posts/ answered it.",
            "schema": {"type": "string"},
            "example": POST_ID,
        }
    ],
    "responses": {
        "202": json_response(
            "The tombstone is acknowledged, or durable on disk; the post goes in order.",
            schema_ref("Deleting"),
        ),
        "404": problem_response("The post_id was not issued here."),
        "503": problem_response(
            "The brokers are away and there is no room in the spool; nothing was deleted.",
            unavailable("Not accepted: the spool is full. Send it again later."),
        ),
    },
}
