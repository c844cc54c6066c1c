"""What OpenAPI says of the calls about one post."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import SCHEMAS, describe, json_response, problem_response, schema_ref

_COUNT = {"type": "integer", "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_ID: dict[str, Any] = {
    "name": "post_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "As POST /api/v1/posts/ answered it.",
}
_SENT = {
    "author": {"type": "string"},
    "lang": {"type": "string"},
    "source": {"type": "string"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "created_at": _TIME,
    "received_at": _TIME,
    "revision": {"type": "integer", "description": "Grows with every new version of the same post."},
}
_ANALYSIS = {
    "type": "object",
    "required": ["post_id", "status", "num_of_words", "avg_word_len", "analysis_version", "chunks"],
    "properties": {
        "post_id": {"type": "string"},
        "status": {"const": "analyzed"},
        "num_of_words": _COUNT,
        "avg_word_len": {"type": ["number", "null"], "description": "In characters; null without words."},
        "num_of_characters_in_words": _COUNT,
        "num_of_characters": _COUNT,
        "num_of_graphemes": _COUNT,
        "num_of_sentences": _COUNT,
        "num_of_unique_words": _COUNT,
        "longest_word": {"type": ["string", "null"]},
        "longest_word_len": _COUNT,
        "analysis_version": {"type": "integer"},
        "chunks": {"type": "integer", "description": "In how many pieces it was analyzed; 1 is whole."},
        "approximate": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Why values may be off by a little; empty where all are exact.",
        },
        "analyzed_at": _TIME,
        **_SENT,
    },
    "examples": [
        {
            "post_id": "06H0PP9924EGSGRY0E3022S27Y0H1X6C",
            "status": "analyzed",
            "num_of_words": 2,
            "avg_word_len": 5.0,
            "num_of_sentences": 1,
            "analysis_version": 1,
            "chunks": 1,
        }
    ],
}
_POST = {
    "type": "object",
    "required": ["post_id", "status", "content", "created_at", "received_at", "revision"],
    "properties": {
        "post_id": {"type": "string"},
        "status": {"enum": ["analyzing", "analyzed"]},
        "content": {"type": "string"},
        **_SENT,
    },
}
_STATUS = {
    "type": "object",
    "required": ["post_id", "status"],
    "properties": {
        "post_id": {"type": "string"},
        "status": {"enum": ["received", "analyzing", "analyzed", "deleted", "dead_lettered"]},
        "chunks": {"type": "integer"},
        "chunks_done": _COUNT,
        "analyzed_at": _TIME,
        "stage": {"type": "string"},
        "reason": {"type": "string"},
    },
}
_UNDER_WAY = json_response(
    "Accepted, not finished; ask again after Retry-After seconds.",
    {
        "type": "object",
        "required": ["post_id", "status"],
        "properties": {"post_id": {"type": "string"}, "status": {"const": "analyzing"}},
    },
    headers={"Retry-After": {"schema": {"type": "integer"}}},
)
_ERRORS = {
    "404": problem_response("The post_id was not issued here."),
    "410": problem_response("The post was deleted."),
    "422": problem_response("A parameter is not allowed, or the post could not be processed."),
    "503": problem_response("The database cannot be reached."),
}
_ETAG = {"ETag": {"schema": {"type": "string"}}}
_NOT_MODIFIED = {"description": "It is as If-None-Match says."}


def describe_posts(app: web.Application) -> None:
    app[SCHEMAS].update({"Analysis": _ANALYSIS, "Post": _POST, "PostStatus": _STATUS})
    describe(
        app,
        "/api/v1/posts/{post_id}/analysis/",
        "get",
        {
            "operationId": "getAnalysis",
            "summary": "The analysis of a post",
            "tags": ["posts"],
            "parameters": [
                _ID,
                {
                    "name": "wait",
                    "in": "query",
                    "description": "Seconds to wait for the analysis before answering 202.",
                    "schema": {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
                },
            ],
            "responses": {
                "200": json_response("The analysis.", schema_ref("Analysis"), headers=_ETAG),
                "202": _UNDER_WAY,
                "304": _NOT_MODIFIED,
                **_ERRORS,
            },
        },
    )
    describe(
        app,
        "/api/v1/posts/{post_id}/",
        "get",
        {
            "operationId": "getPost",
            "summary": "A post as it was sent",
            "tags": ["posts"],
            "parameters": [_ID],
            "responses": {
                "200": json_response("The post.", schema_ref("Post"), headers=_ETAG),
                "202": _UNDER_WAY,
                "304": _NOT_MODIFIED,
                **_ERRORS,
            },
        },
    )
    describe(
        app,
        "/api/v1/posts/{post_id}/status/",
        "get",
        {
            "operationId": "getPostStatus",
            "summary": "Where a post stands",
            "tags": ["posts"],
            "parameters": [_ID],
            "responses": {
                "200": json_response("Its state.", schema_ref("PostStatus")),
                "404": _ERRORS["404"],
                "503": _ERRORS["503"],
            },
        },
    )
