"""What OpenAPI says of lists and exports of posts."""

from typing import Any

import msgspec
from aiohttp import web

from postpulse.collections import MOST_SEARCHED_CHARACTERS
from postpulse.web.openapi import SCHEMAS, describe, json_response, lines_of, problem_response, schema_ref
from query_api.queries.post_list import SHOWN_CHARACTERS
from query_api.routes.post_list_parameters import MOST_LISTED, MOST_TEXT, MOST_WORDS
from query_api.routes.post_rows import COLUMNS
from query_api.routes.posts_openapi import METRICS

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MOST_TEXT}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_SENTIMENT = {"type": "number", "minimum": -1, "maximum": 1}
_WORDS = (
    f"Up to {MOST_WORDS} words, all of which are in the content, as whole words, in any case of letters; accents "
    "count, and nothing is reduced to a stem. All signs only part words. Text without spaces, as of Chinese or "
    f"Japanese, is one word from sign to sign. Posts of more than {MOST_SEARCHED_CHARACTERS} characters are not "
    "found. Still newest first, not by relevance."
)
#: Name -> schema, example, description.
_FILTERS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "author": (_TEXT, "ada", "As it was sent."),
    "hashtag": (_TEXT, "python", "With its sign or without, in any case of letters."),
    "mention": (_TEXT, "ada", "Who is mentioned; with its sign or without, in any case of letters."),
    "domain": (_TEXT, "example.com", "Of a URL in it, whole, as the analysis has it."),
    "language": (_TEXT, "en", "The detected one: ISO 639-1, or und."),
    "lang": (_TEXT, "en", "What the author said of the language."),
    "source": (_TEXT, "web", "As it was sent."),
    "tag": (_TEXT, "launch", "One of its tags, as it was sent."),
    "sentiment": ({"enum": ["positive", "neutral", "negative"]}, "negative", "Its label."),
    "min_sentiment": (_SENTIMENT, -0.5, "At least this; with it, posts without a sentiment are left out."),
    "max_sentiment": (_SENTIMENT, 0.5, "At most this; as min_sentiment."),
    "from": (
        _TIME,
        "2026-01-31T00:00:00Z",
        "Created since then, with an offset; in a URL, + is written %2B.",
    ),
    "until": (_TIME, "2026-02-01T00:00:00Z", "Created before then."),
    "text": (_TEXT, "coffee rain", _WORDS),
}
_NULLABLE = {"type": ["string", "null"], "description": "Null where it was not given."}
_ROW: dict[str, Any] = {
    "post_id": {"type": "string"},
    "created_at": _TIME,
    "author": _NULLABLE,
    "lang": _NULLABLE,
    "source": _NULLABLE,
    "tags": {"type": "array", "items": {"type": "string"}},
    "content": {"type": "string"},
    **{
        name: METRICS[name]
        for name in (
            "language",
            "sentiment",
            "sentiment_label",
            "num_of_words",
            "hashtags",
            "mentions",
            "domains",
        )
    },
}
_SUMMARY: dict[str, Any] = {
    **_ROW,
    "content": {
        "type": "string",
        "maxLength": SHOWN_CHARACTERS,
        "description": f"The first {SHOWN_CHARACTERS} characters (code points).",
    },
    "truncated": {"type": "boolean", "description": "Whether the content is longer."},
    "links": {
        "type": "object",
        "required": ["post", "analysis"],
        "properties": {"post": {"type": "string"}, "analysis": {"type": "string"}},
    },
}
_ID = "06H18JCBZDB7Z846TT89X5Q2M4RNA0KC"
_EXAMPLE_ROW: dict[str, Any] = {
    "post_id": _ID,
    "created_at": "2026-01-31T12:00:00.000Z",
    "author": "ada",
    "lang": None,
    "source": "web",
    "tags": ["weather"],
    "content": "Rain again, but the coffee is good. #monday",
    "language": "en",
    "sentiment": 0.5927,
    "sentiment_label": "positive",
    "num_of_words": 8,
    "hashtags": ["monday"],
    "mentions": [],
    "domains": [],
}
_EXAMPLE = {
    **_EXAMPLE_ROW,
    "truncated": False,
    "links": {"post": f"/api/v1/posts/{_ID}/", "analysis": f"/api/v1/posts/{_ID}/analysis/"},
}
_LINE = msgspec.json.encode(_EXAMPLE_ROW).decode() + "\n"
_WRONG = problem_response("A parameter is not allowed; the answer names it.")
_NO_TEXT = problem_response("With text, where the setting mongo.text_index is off.")
_ONLY = "Posts whose analysis is there; those that were deleted, or could not be processed, are left out."


def describe_post_list(app: web.Application) -> None:
    app[SCHEMAS].update(
        {
            "PostSummary": {**_object(_SUMMARY), "examples": [_EXAMPLE]},
            "ExportedPost": {**_object(_ROW), "examples": [_EXAMPLE_ROW]},
        }
    )
    page = _object(
        {
            "posts": {"type": "array", "maxItems": MOST_LISTED, "items": schema_ref("PostSummary")},
            "next_cursor": {"type": "string", "description": "Of the next page; absent on the last."},
        },
        "next_cursor",
    )
    filters = [_parameter(name, *what) for name, what in _FILTERS.items()]
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 50}
    cursor = f"2026-01-31T12:00:00.000Z_{_ID}"
    describe(
        app,
        "/api/v1/posts/",
        "get",
        {
            "operationId": "listPosts",
            "summary": "Analyzed posts, newest first",
            "description": f"{_ONLY} Newest by created_at, then post_id. All filters that are given hold. Posts "
            "that come meanwhile put none on two pages and let none be left out.",
            "tags": ["posts"],
            "parameters": [
                *filters,
                _parameter("limit", limit, 50, "Posts of one page."),
                _parameter("cursor", {"type": "string"}, cursor, "The next_cursor of the answer before."),
            ],
            "responses": {
                "200": json_response("A page.", {**page, "examples": [{"posts": [_EXAMPLE]}]}),
                "422": _WRONG,
                "501": _NO_TEXT,
                "503": problem_response(
                    "The database cannot be reached, or takes longer than 5 s: ask for a shorter time, by from and "
                    "until."
                ),
            },
        },
    )
    form = {"enum": ["ndjson", "csv"], "default": "ndjson"}
    described = (
        "NDJSON for programs, an object a line. CSV for spreadsheets: UTF-8 with a byte order mark and a header "
        f"row ({', '.join(COLUMNS)}; created_at is called created_at_utc); lists joined by a comma; at most 32,767 "
        "UTF-16 units a cell; an apostrophe before what would be taken for a formula. An answer that ends without "
        "its last chunk is not whole."
    )
    describe(
        app,
        "/api/v1/posts/export/",
        "get",
        {
            "operationId": "exportPosts",
            "summary": "All posts that filters hold for, as one stream",
            "description": f"{_ONLY} In the order of the list, with the whole content. {described}",
            "tags": ["posts"],
            "parameters": [*filters, _parameter("format", form, "csv", "How they are written.")],
            "responses": {
                "200": {
                    "description": "The posts.",
                    "content": {
                        "application/x-ndjson": {"schema": lines_of("ExportedPost"), "example": _LINE},
                        "text/csv": {"schema": {"type": "string"}},
                    },
                },
                "422": _WRONG,
                "501": _NO_TEXT,
                "503": problem_response(
                    "The database cannot be reached or takes too long, or too many exports are under way."
                ),
                "505": problem_response("The request is not HTTP/1.1: the end could not be told."),
            },
        },
    )


def _parameter(name: str, schema: dict[str, Any], example: Any, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, "example": example}


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}
