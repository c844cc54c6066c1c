"""What OpenAPI says of the calls about one post."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import SCHEMAS, describe, header_ref, json_response, problem_response, schema_ref
from postpulse.web.problems import Problem, unavailable
from query_api.routes import posts_examples as examples
from query_api.routes.kept_openapi import IF_NONE_MATCH, KEPT, TAGGED, not_modified

_COUNT = {"type": "integer", "minimum": 0}
_TIME = {"type": "string", "format": "date-time"}
_ID: dict[str, Any] = {
    "name": "post_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "As POST /api/v1/posts/ answered it.",
    "example": examples.POST_ID,
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
_SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_TEXTS = {"type": "array", "items": {"type": "string"}, "maxItems": 100}
#: The values of an analysis; docs/metrics.md defines them.
METRICS: dict[str, Any] = {
    "num_of_words": _COUNT,
    "num_of_characters_in_words": _COUNT,
    "avg_word_len": {"type": ["number", "null"], "description": "In characters; null without words."},
    "longest_word": {"type": ["string", "null"]},
    "longest_word_len": _COUNT,
    "num_of_unique_words": _COUNT,
    "type_token_ratio": _SHARE,
    "keywords": {
        "type": "array",
        "maxItems": 10,
        "items": {
            "type": "object",
            "required": ["word", "count"],
            "properties": {"word": {"type": "string"}, "count": _COUNT},
        },
    },
    "num_of_characters": _COUNT,
    "num_of_graphemes": _COUNT,
    "num_of_sentences": _COUNT,
    "avg_sentence_len": {"type": ["number", "null"], "description": "In words; null without sentences."},
    "flesch_reading_ease": {"type": ["number", "null"], "description": "Of English texts."},
    "language": {"type": "string", "description": "ISO 639-1, und where there is nothing to judge."},
    "language_confidence": _SHARE,
    "sentiment": {"type": ["number", "null"], "minimum": -1, "maximum": 1},
    "sentiment_label": {"enum": ["positive", "neutral", "negative", None]},
    "sentiment_positive": _SHARE,
    "sentiment_negative": _SHARE,
    "sentiment_neutral": _SHARE,
    "num_of_positive_sentences": {"type": ["integer", "null"], "minimum": 0},
    "num_of_negative_sentences": {"type": ["integer", "null"], "minimum": 0},
    "num_of_neutral_sentences": {"type": ["integer", "null"], "minimum": 0},
    "sentiment_words": {
        "type": ["array", "null"],
        "maxItems": 10,
        "description": "What made the sentiment, by falling weight. Not there before version 3 of the analysis.",
        "items": {
            "type": "object",
            "required": ["word", "valence"],
            "properties": {"word": {"type": "string"}, "valence": {"type": "number"}},
        },
    },
    "sentiment_missing": {
        "type": ["string", "null"],
        "description": "Why the values of the sentiment are null; null where they are not.",
    },
    "num_of_hashtags": _COUNT,
    "hashtags": _TEXTS,
    "num_of_mentions": _COUNT,
    "mentions": _TEXTS,
    "num_of_cashtags": _COUNT,
    "cashtags": _TEXTS,
    "num_of_urls": _COUNT,
    "domains": _TEXTS,
    "num_of_emoji": _COUNT,
    "emoji": _TEXTS,
    "entities": {
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "object",
            "required": ["kind", "start", "end", "value"],
            "properties": {
                "kind": {"enum": ["hashtag", "mention", "cashtag", "url", "emoji"]},
                "start": {"type": "integer", "minimum": 0, "description": "In code points."},
                "end": {"type": "integer", "minimum": 1},
                "value": {"type": "string", "maxLength": 100},
            },
        },
    },
}
#: Values that posts do not have whose analysis is of an older version.
_LATER = {"sentiment_words"}
_ANALYSIS = {
    "type": "object",
    "required": [
        "post_id",
        "status",
        *(name for name in METRICS if name not in _LATER),
        "analysis_version",
        "analysis_us",
        "chunks",
        "approximate",
    ],
    "properties": {
        "post_id": {"type": "string"},
        "status": {"const": "analyzed"},
        **METRICS,
        "analysis_version": {"type": "integer"},
        "analysis_us": {
            "type": "integer",
            "minimum": 0,
            "description": "How long the analysis took, of all chunks together, in microseconds.",
        },
        "chunks": {"type": "integer", "description": "In how many pieces it was analyzed; 1 is whole."},
        "approximate": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Why values may be off by a little; empty where all are exact.",
        },
        "analyzed_at": _TIME,
        **_SENT,
    },
    "examples": [examples.ANALYSIS],
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
    "examples": [examples.POST],
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
        "dead_at": _TIME,
        "dead_letter": {"type": "string", "description": "Its id, where a letter is kept."},
    },
    "examples": examples.STATUSES,
}
_UNDER_WAY = json_response(
    "Accepted, not finished; ask again after Retry-After seconds.",
    {
        "type": "object",
        "required": ["post_id", "status"],
        "properties": {"post_id": {"type": "string"}, "status": {"const": "analyzing"}},
    },
    examples.UNDER_WAY,
    headers={"Retry-After": header_ref("Retry-After")},
)
_ERRORS = {
    "404": problem_response("The post_id was not issued here."),
    "410": problem_response("The post was deleted."),
    "422": problem_response(
        "The post could not be processed; `stage` and `reason` say where and why.",
        Problem(
            422,
            "The post could not be processed and lies with the dead letters: a value that MongoDB does not take",
            stage="ingest",
            reason="a value that MongoDB does not take",
        ),
    ),
    "503": problem_response("The database cannot be reached."),
}
_WAIT = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait for the analysis before answering 202.",
    "schema": {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
    "example": 5,
}


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
                _WAIT,
                IF_NONE_MATCH,
            ],
            "responses": {
                "200": json_response("The analysis.", schema_ref("Analysis"), headers=KEPT),
                "202": _UNDER_WAY,
                "304": not_modified(KEPT),
                **_ERRORS,
                "422": problem_response(
                    "A parameter is not allowed, or the post could not be processed.",
                    Problem(422, "wait must be a number of seconds from 0 to 60.", field="wait"),
                ),
                "503": problem_response(
                    "The database cannot be reached, or too many requests wait.",
                    unavailable("Too many requests wait for analyses; ask again without wait."),
                ),
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
            "parameters": [_ID, IF_NONE_MATCH],
            "responses": {
                "200": json_response("The post.", schema_ref("Post"), headers=TAGGED),
                "202": _UNDER_WAY,
                "304": not_modified(TAGGED),
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
