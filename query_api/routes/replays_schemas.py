"""Replays, and what is asked and answered about them, as OpenAPI has it."""

from typing import Any

from postpulse.replays import ID_PATTERN
from postpulse.web.openapi import object_schema, schema_ref
from query_api.routes.posts_examples import POST_ID
from query_api.routes.replays_parameters import MOST_POSTS

_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_POST_ID = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[^\\u0000]*$"}
_OFFSET = {**_COUNT, "maximum": 2**63 - 1}
REPLAY_ID = "19c13c6f680-3a15f1e"
_ID = {
    "type": "string",
    "pattern": ID_PATTERN,
    "description": "Ids sort by the time of their making.",
    "examples": [REPLAY_ID],
}
_NOT_FOUND = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Of post_ids, those that are unknown or deleted.",
}
_VIEW: dict[str, Any] = {
    "id": _ID,
    "state": {
        "enum": ["waiting", "running", "done", "cancelled", "failed"],
        "description": "One runs at a time; others wait, in the order in which they were asked for.",
    },
    "selection": {"type": "object", "description": "What was asked for; of post_ids, how many."},
    "into": {
        "enum": ["new", None],
        "description": "A new generation; null where it corrects posts in place.",
    },
    "generation": {"type": ["integer", "null"], "description": "The number of the one that it fills."},
    "rate_limit": {"type": ["number", "null"], "description": "Records a second, at most."},
    "created_at": _TIME,
    "started_at": _MAYBE_TIME,
    "ended_at": _MAYBE_TIME,
    "offsets": {**_COUNT, "description": "That it covers; in a compacted log, some have no record."},
    "offsets_passed": _COUNT,
    "copied": {**_COUNT, "description": "Records that went to posts-replay.v1."},
    "looked_at": {**_COUNT, "description": "Of the copies; after a crash, some are copied twice."},
    "changed": {**_COUNT, "description": "Records whose posts have another analysis since."},
    "unchanged": _COUNT,
    "failed": {**_COUNT, "description": "Records that went to the dead letters."},
    "records_per_second": {"type": ["number", "null"]},
    "seconds_left": {"type": ["number", "null"]},
    "reason": {"type": "string", "description": "Why it failed."},
    "not_found": _NOT_FOUND,
}
_OPTIONAL = ("reason", "not_found")
EXAMPLE: dict[str, Any] = {
    "id": REPLAY_ID,
    "state": "running",
    "selection": {"from": "2026-01-31T00:00:00.000Z"},
    "into": None,
    "generation": None,
    "rate_limit": 500.0,
    "created_at": "2026-01-31T12:00:00.000Z",
    "started_at": "2026-01-31T12:00:00.731Z",
    "ended_at": None,
    "offsets": 10_000,
    "offsets_passed": 4_200,
    "copied": 4_100,
    "looked_at": 4_000,
    "changed": 12,
    "unchanged": 3_987,
    "failed": 1,
    "records_per_second": 498.7,
    "seconds_left": 12.1,
}
WAITING = {
    **EXAMPLE,
    "state": "waiting",
    "started_at": None,
    **dict.fromkeys(("offsets_passed", "copied", "looked_at", "changed", "unchanged", "failed"), 0),
    "records_per_second": None,
    "seconds_left": None,
}
_TIMED = {"from": False, "until": False}
_NOT_ALL = {"all": {"const": False}, "into": False}
_START = {
    "type": "object",
    "description": "Which records: all, times, offsets or post_ids; one of the four.",
    "additionalProperties": False,
    "oneOf": [
        {
            "required": ["all"],
            "properties": {"all": {"const": True}, "offsets": False, "post_ids": False, **_TIMED},
        },
        {
            "anyOf": [{"required": ["from"]}, {"required": ["until"]}],
            "properties": {**_NOT_ALL, "offsets": False, "post_ids": False},
        },
        {"required": ["offsets"], "properties": {**_NOT_ALL, "post_ids": False, **_TIMED}},
        {"required": ["post_ids"], "properties": {**_NOT_ALL, "offsets": False, **_TIMED}},
    ],
    "examples": [
        {"from": "2026-01-31T00:00:00Z", "rate": 500, "dry_run": True},
        {"all": True, "into": "new"},
        {"offsets": {"0": [1000, 2000]}},
        {"post_ids": [POST_ID]},
    ],
    "properties": {
        "all": {"type": "boolean", "default": False},
        "from": {**_TIME, "description": "Received since then."},
        "until": {**_TIME, "description": "Received before then."},
        "offsets": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^(0|[1-9][0-9]{0,8})$"},
            "description": "Partition of posts.v1 -> from an offset up to, but not including, another.",
            "additionalProperties": {"type": "array", "items": _OFFSET, "minItems": 2, "maxItems": 2},
        },
        "post_ids": {"type": "array", "items": _POST_ID, "minItems": 1, "maxItems": MOST_POSTS},
        "into": {
            "enum": ["new"],
            "description": "With all: fill a new generation, compare it with the current one, switch to it.",
        },
        "rate": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 1_000_000,
            "description": "Records a second, at most.",
        },
        "dry_run": {
            "type": "boolean",
            "default": False,
            "description": "Say what it would cover, do nothing.",
        },
    },
}
REPLAY_SCHEMAS: dict[str, Any] = {
    "Replay": object_schema(_VIEW, *_OPTIONAL, examples=[EXAMPLE]),
    "ReplayPage": object_schema(
        {
            "replays": {"type": "array", "items": schema_ref("Replay")},
            "next_cursor": {"type": "string", "description": "Of the next page; absent on the last."},
        },
        "next_cursor",
        examples=[{"replays": [EXAMPLE], "next_cursor": REPLAY_ID}],
    ),
    "ReplaySelection": _START,
    "ReplayCoverage": object_schema(
        {"dry_run": {"const": True}, "offsets": _COUNT, "not_found": _NOT_FOUND},
        "not_found",
        examples=[{"dry_run": True, "offsets": 10_000}],
    ),
}
