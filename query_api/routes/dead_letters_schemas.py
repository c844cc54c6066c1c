"""Dead letters, and what is asked and answered about them, as OpenAPI has it."""

from typing import Any

from postpulse.web.openapi import object_schema, schema_ref
from query_api.routes.dead_letters_parameters import MOST
from query_api.routes.posts_examples import POST_ID

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 500, "pattern": "^[^\\u0000]*$"}
_TIME = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_ID_PATTERN = "[A-Za-z0-9._-]{1,249}-(0|[1-9][0-9]{0,9})-(0|[1-9][0-9]{0,18})"
ID = {
    "type": "string",
    "pattern": f"^{_ID_PATTERN}$",
    "description": "Topic, partition and offset of the record.",
    "examples": ["posts.v1-3-1042"],
}
FILTERS: dict[str, Any] = {
    "stage": {
        **_TEXT,
        "description": "The agent that gave up: ingest, analyze, merge or replay.",
        "examples": ["ingest"],
    },
    "reason": {
        **_TEXT,
        "description": "A part of the reason, in any case of letters.",
        "examples": ["not a post"],
    },
    "error_class": {**_TEXT, "description": "The error's own name.", "examples": ["UndecodableError"]},
    "post_id": {**_TEXT, "description": "Whose it is.", "examples": [POST_ID]},
    "topic": {
        **_TEXT,
        "description": "Where the record stood, with the prefix in force or without.",
        "examples": ["posts.v1"],
    },
    "from": {
        **_TIME,
        "description": "Dead since then, with an offset; in a URL, + is written %2B.",
        "examples": ["2026-01-31T00:00:00Z"],
    },
    "until": {**_TIME, "description": "Dead before then.", "examples": ["2026-02-01T00:00:00Z"]},
}
CURSOR = {
    "type": "string",
    "pattern": f"^[0-9]{{1,14}}_{_ID_PATTERN}$",
    "description": "The next_cursor of the answer before.",
    "examples": ["1769860800000_posts.v1-3-1042"],
}
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
    "id": ID,
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
            "properties": {"id": ID, **_FAILURE, "dead_at": _TIME},
        },
    },
    "value_bytes": _COUNT,
}
_SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": "posts.v1-3-1042",
    "stage": "ingest",
    "reason": "not a post: JSON is malformed: invalid character (byte 0)",
    "error_class": "UndecodableError",
    "attempt": 1,
    "dead_at": "2026-01-31T12:00:00.412Z",
    "version": "0.1.0/2",
    "post_id": POST_ID,
    "origin": {"topic": "posts.v1", "partition": 3, "offset": 1042, "time": "2026-01-31T12:00:00.400Z"},
    "redriven_from": None,
    "history": [],
    "value_bytes": 7,
}
_WHOLE_EXAMPLE: dict[str, Any] = {
    **_SUMMARY_EXAMPLE,
    "key": {"text": POST_ID},
    "value": {"text": "garbage"},
    "headers": [{"name": "content-type", "text": "application/json"}],
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
_STATS_EXAMPLE = {
    "letters": 3,
    "stages": {"ingest": 2, "analyze": 1},
    "error_classes": {"UndecodableError": 2, "ValueError": 1},
    "oldest": "2026-01-31T12:00:00.412Z",
    "newest": "2026-01-31T12:00:07.003Z",
}
_NO_FILTERS = dict.fromkeys(FILTERS, False)
_ACTION = {
    "type": "object",
    "description": "Which letters: ids, or filters, or all of them; one of the three.",
    "oneOf": [
        {"required": ["ids"], "properties": {"all": {"const": False}, **_NO_FILTERS}},
        {"required": ["all"], "properties": {"all": {"const": True}, "ids": False, **_NO_FILTERS}},
        {
            "anyOf": [{"required": [name]} for name in FILTERS],
            "properties": {"ids": False, "all": {"const": False}},
        },
    ],
    "examples": [
        {"stage": "ingest", "until": "2026-02-01T00:00:00Z", "dry_run": True},
        {"ids": ["posts.v1-3-1042"]},
        {"all": True},
    ],
    "additionalProperties": False,
    "properties": {
        "ids": {"type": "array", "items": ID, "minItems": 1, "maxItems": MOST},
        "all": {"type": "boolean", "default": False},
        **FILTERS,
        "dry_run": {
            "type": "boolean",
            "default": False,
            "description": "Say what would be done, do nothing.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST},
        "cursor": CURSOR,
    },
}


def _outcome(name: str) -> dict[str, Any]:
    properties = {
        "dry_run": {"type": "boolean"},
        name: {"type": "array", "items": ID, "description": "Or would be, in a dry run."},
        "refused": {
            "type": "array",
            "description": "Letters that are left where they are, and why.",
            "items": object_schema(
                {
                    "id": ID,
                    "reason": {"enum": ["not_found", "no_way_back", "superseded", "not_acknowledged"]},
                    "detail": {"type": "string"},
                }
            ),
        },
        "left": {**_COUNT, "description": "Letters that the filters hold for and that were not looked at."},
        "next_cursor": CURSOR,
    }
    refused = {"id": "posts.v1-3-7", "reason": "not_found", "detail": "There is no such dead letter."}
    example = {"dry_run": False, name: ["posts.v1-3-1042"], "refused": [refused], "left": 0}
    return object_schema(properties, "next_cursor", examples=[example])


DEAD_LETTER_SCHEMAS: dict[str, Any] = {
    "DeadLetterSummary": object_schema(_LETTER, examples=[_SUMMARY_EXAMPLE]),
    "DeadLetter": object_schema(_WHOLE, examples=[_WHOLE_EXAMPLE]),
    "DeadLetterStats": object_schema(_STATS, examples=[_STATS_EXAMPLE]),
    "DeadLetterPage": object_schema(
        {
            "dead_letters": {"type": "array", "items": schema_ref("DeadLetterSummary")},
            "next_cursor": {**CURSOR, "description": "Of the next page; absent on the last."},
        },
        "next_cursor",
        examples=[{"dead_letters": [_SUMMARY_EXAMPLE], "next_cursor": "1769860800412_posts.v1-3-1042"}],
    ),
    "DeadLetterSelection": _ACTION,
    "Redriven": _outcome("redriven"),
    "Discarded": _outcome("discarded"),
}
