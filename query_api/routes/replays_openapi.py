"""What OpenAPI says of the calls about replays."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import SCHEMAS, describe, json_response, problem_response, schema_ref
from query_api.routes.replays_parameters import MOST_LISTED, MOST_POSTS

_PATH = "/api/v1/replays/"
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_ID = {"type": "string", "description": "Such as 0199f0c2a3b-5f1e; ids sort by the time of their making."}
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
_START = {
    "type": "object",
    "description": "Which records: all, times, offsets or post_ids; one of the four.",
    "additionalProperties": False,
    "properties": {
        "all": {"type": "boolean", "default": False},
        "from": {**_TIME, "description": "Received since then."},
        "until": {**_TIME, "description": "Received before then."},
        "offsets": {
            "type": "object",
            "minProperties": 1,
            "description": "Partition of posts.v1 -> from an offset up to, but not including, another.",
            "additionalProperties": {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2},
        },
        "post_ids": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_POSTS},
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
_NO_DATABASE = problem_response("The database cannot be reached.")
_ABSENT = problem_response("There is no such replay.")
_BY_ID = [{"name": "replay_id", "in": "path", "required": True, "schema": _ID}]


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def describe_replays(app: web.Application) -> None:
    app[SCHEMAS].update(
        {
            "Replay": _object(_VIEW, *_OPTIONAL),
            "ReplaySelection": _START,
            "ReplayCoverage": _object(
                {"dry_run": {"const": True}, "offsets": _COUNT, "not_found": _NOT_FOUND}, "not_found"
            ),
        }
    )
    shown = schema_ref("Replay")
    location = {"Location": {"schema": {"type": "string"}}}
    describe(
        app,
        _PATH,
        "post",
        {
            "operationId": "startReplay",
            "summary": "Look at a part of the log again, and correct posts and counters in place",
            "description": "What a record says that its post's document does not is written; with the same "
            "version of the analysis that is nothing. Deleted posts stay deleted.",
            "tags": ["replays"],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema_ref("ReplaySelection")}},
            },
            "responses": {
                "200": json_response("A dry run: what it would cover.", schema_ref("ReplayCoverage")),
                "201": json_response("It waits for its turn.", shown, headers=location),
                "400": problem_response("The body is not JSON."),
                "413": problem_response("The body is too large."),
                "415": problem_response("The body is not application/json."),
                "422": problem_response("A parameter is not allowed; the answer names it."),
                "503": problem_response(
                    "The brokers or the database cannot be reached; Retry-After says when."
                ),
            },
        },
    )
    page = _object(
        {
            "replays": {"type": "array", "items": shown},
            "next_cursor": {"type": "string", "description": "Of the next page; absent on the last."},
        },
        "next_cursor",
    )
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 100}
    cursor = {"type": "string", "description": "The next_cursor of the answer before."}
    describe(
        app,
        _PATH,
        "get",
        {
            "operationId": "listReplays",
            "summary": "Replays, newest first",
            "tags": ["replays"],
            "parameters": [
                {"name": name, "in": "query", "schema": schema}
                for name, schema in {"limit": limit, "cursor": cursor}.items()
            ],
            "responses": {
                "200": json_response("A page.", page),
                "422": problem_response("A parameter is not allowed; the answer names it."),
                "503": _NO_DATABASE,
            },
        },
    )
    describe(
        app,
        f"{_PATH}{{replay_id}}/",
        "get",
        {
            "operationId": "getReplay",
            "summary": "One replay, with how far it is",
            "tags": ["replays"],
            "parameters": _BY_ID,
            "responses": {"200": json_response("The replay.", shown), "404": _ABSENT, "503": _NO_DATABASE},
        },
    )
    describe(
        app,
        f"{_PATH}{{replay_id}}/",
        "delete",
        {
            "operationId": "cancelReplay",
            "summary": "Cancel a replay; what it has changed stays",
            "tags": ["replays"],
            "parameters": _BY_ID,
            "responses": {
                "200": json_response("It is cancelled.", shown),
                "404": _ABSENT,
                "409": problem_response("It is over already."),
                "503": _NO_DATABASE,
            },
        },
    )
