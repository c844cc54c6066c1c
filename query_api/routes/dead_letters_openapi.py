"""What OpenAPI says of the calls about dead letters."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import SCHEMAS, describe, json_response, problem_response, schema_ref
from query_api.routes.dead_letters_parameters import MOST

_PATH = "/api/v1/dead-letters/"
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 500}
_TIME = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_ID = {"type": "string", "description": "Topic, partition and offset of the record, such as posts.v1-3-1042."}
_FILTERS: dict[str, Any] = {
    "stage": {**_TEXT, "description": "The agent that gave up: ingest, analyze, merge or replay."},
    "reason": {**_TEXT, "description": "A part of the reason, in any case of letters."},
    "error_class": _TEXT,
    "post_id": _TEXT,
    "topic": {**_TEXT, "description": "Where the record stood, with the prefix in force or without."},
    "from": {**_TIME, "description": "Dead since then, with an offset; in a URL, + is written %2B."},
    "until": {**_TIME, "description": "Dead before then."},
}
_CURSOR = {"type": "string", "description": "The next_cursor of the answer before."}
_ORIGIN: dict[str, Any] = {
    "type": "object",
    "required": ["topic", "partition", "offset", "time"],
    "properties": {
        "topic": {"type": "string"},
        "partition": _COUNT,
        "offset": _COUNT,
        "time": {"type": ["string", "null"], "format": "date-time", "description": "Of the record."},
    },
}
_FAILURE = {"stage": {"type": "string"}, "reason": {"type": "string"}, "error_class": {"type": "string"}}
_LETTER: dict[str, Any] = {
    "id": _ID,
    **_FAILURE,
    "attempt": {"type": "integer", "description": "Which one it was; 2 failed after a redrive."},
    "dead_at": _TIME,
    "version": {"type": ["string", "null"], "description": "Of postpulse and its analysis, that failed."},
    "post_id": {"type": ["string", "null"], "description": "Whose it is, where that is known."},
    "origin": _ORIGIN,
    "redriven_from": {
        "oneOf": [_ORIGIN, {"type": "null"}],
        "description": "Where the record stood the first time, if it was redriven.",
    },
    "history": {
        "type": "array",
        "maxItems": 10,
        "description": "Earlier failures, oldest first.",
        "items": {
            "type": "object",
            "required": ["id", *_FAILURE, "dead_at"],
            "properties": {"id": _ID, **_FAILURE, "dead_at": _TIME},
        },
    },
    "value_bytes": _COUNT,
}
_BYTES: dict[str, Any] = {
    "text": {"type": "string"},
    "base64": {"type": "string", "contentEncoding": "base64"},
}
_MAYBE_BYTES = {
    "type": ["object", "null"],
    "description": "As text where it is UTF-8, else as base64.",
    "properties": _BYTES,
}
_WHOLE = {
    **_LETTER,
    "key": _MAYBE_BYTES,
    "value": _MAYBE_BYTES,
    "headers": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, **_BYTES},
        },
    },
}
_STATS = {
    "letters": _COUNT,
    "stages": {"type": "object", "additionalProperties": _COUNT},
    "error_classes": {"type": "object", "additionalProperties": _COUNT},
    "oldest": {"type": ["string", "null"], "format": "date-time"},
    "newest": {"type": ["string", "null"], "format": "date-time"},
}
_ACTION = {
    "type": "object",
    "description": "Which letters: ids, or filters, or all of them; one of the three.",
    "additionalProperties": False,
    "properties": {
        "ids": {"type": "array", "items": _ID, "minItems": 1, "maxItems": MOST},
        "all": {"type": "boolean", "default": False},
        **_FILTERS,
        "dry_run": {
            "type": "boolean",
            "default": False,
            "description": "Say what would be done, do nothing.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST},
        "cursor": _CURSOR,
    },
}


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _outcome(name: str) -> dict[str, Any]:
    properties = {
        "dry_run": {"type": "boolean"},
        name: {"type": "array", "items": _ID, "description": "Or would be, in a dry run."},
        "refused": {
            "type": "array",
            "description": "Letters that are left where they are, and why.",
            "items": _object(
                {
                    "id": _ID,
                    "reason": {"enum": ["not_found", "no_way_back", "superseded", "not_acknowledged"]},
                    "detail": {"type": "string"},
                }
            ),
        },
        "left": {**_COUNT, "description": "Letters that the filters hold for and that were not looked at."},
        "next_cursor": _CURSOR,
    }
    return _object(properties, "next_cursor")


_WRONG = problem_response("A parameter is not allowed; the answer names it.")
_NO_DATABASE = problem_response("The database cannot be reached.")


def describe_dead_letters(app: web.Application) -> None:
    app[SCHEMAS].update(
        {
            "DeadLetterSummary": _object(_LETTER),
            "DeadLetter": _object(_WHOLE),
            "DeadLetterStats": _object(_STATS),
            "DeadLetterSelection": _ACTION,
            "Redriven": _outcome("redriven"),
            "Discarded": _outcome("discarded"),
        }
    )
    page = _object(
        {
            "dead_letters": {"type": "array", "items": schema_ref("DeadLetterSummary")},
            "next_cursor": {"type": "string", "description": "Of the next page; absent on the last."},
        },
        "next_cursor",
    )
    limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}
    describe(
        app,
        _PATH,
        "get",
        {
            "operationId": "listDeadLetters",
            "summary": "Records that could not be processed, newest first",
            "tags": ["dead letters"],
            "parameters": [
                {"name": name, "in": "query", "schema": schema}
                for name, schema in {**_FILTERS, "limit": limit, "cursor": _CURSOR}.items()
            ],
            "responses": {"200": json_response("A page.", page), "422": _WRONG, "503": _NO_DATABASE},
        },
    )
    describe(
        app,
        f"{_PATH}stats/",
        "get",
        {
            "operationId": "getDeadLetterStats",
            "summary": "How many dead letters there are, by stage and error class",
            "tags": ["dead letters"],
            "responses": {
                "200": json_response("The counts.", schema_ref("DeadLetterStats")),
                "503": _NO_DATABASE,
            },
        },
    )
    describe(
        app,
        f"{_PATH}{{letter_id}}/",
        "get",
        {
            "operationId": "getDeadLetter",
            "summary": "One dead letter with its record",
            "tags": ["dead letters"],
            "parameters": [{"name": "letter_id", "in": "path", "required": True, "schema": _ID}],
            "responses": {
                "200": json_response("The letter.", schema_ref("DeadLetter")),
                "404": problem_response("There is none, or none any more."),
                "503": _NO_DATABASE,
            },
        },
    )
    redrive = "Send the records of dead letters back to the topics that they came from"
    describe(app, f"{_PATH}redrive/", "post", _action("redriveDeadLetters", redrive, "Redriven"))
    discard = "Let dead letters go for good"
    describe(app, f"{_PATH}discard/", "post", _action("discardDeadLetters", discard, "Discarded"))


def _action(operation: str, summary: str, outcome: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "description": f"Oldest first, at most {MOST} letters a request; next_cursor goes on while any are left.",
        "tags": ["dead letters"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema_ref("DeadLetterSelection")}},
        },
        "responses": {
            "200": json_response("What was done.", schema_ref(outcome)),
            "400": problem_response("The body is not JSON."),
            "413": problem_response("The body is too large."),
            "415": problem_response("The body is not application/json."),
            "422": _WRONG,
            "503": problem_response("The brokers or the database cannot be reached; Retry-After says when."),
        },
    }
