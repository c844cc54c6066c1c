"""What OpenAPI says of the calls about replays."""

from aiohttp import web

from postpulse.replays import ID_PATTERN
from postpulse.web.openapi import (
    SCHEMAS,
    describe,
    json_response,
    problem_response,
    schema_ref,
    unsupported_response,
)
from postpulse.web.problems import Problem, unavailable
from query_api.routes.replays_parameters import MOST_BODY_BYTES, MOST_LISTED
from query_api.routes.replays_schemas import EXAMPLE, REPLAY_ID, REPLAY_SCHEMAS, WAITING

_PATH = "/api/v1/replays/"
_NO_DATABASE = problem_response("The database cannot be reached.")
_ABSENT = problem_response("There is no such replay.")
_WRONG = problem_response(
    "A parameter is not allowed; the answer names it.",
    Problem(422, f"limit is not allowed: Expected `int` <= {MOST_LISTED}.", field="limit"),
)
_BY_ID = [
    {
        "name": "replay_id",
        "in": "path",
        "required": True,
        "description": "As it was answered when the replay was asked for.",
        "schema": {"type": "string"},
        "example": REPLAY_ID,
    }
]


def describe_replays(app: web.Application) -> None:
    app[SCHEMAS].update(REPLAY_SCHEMAS)
    shown = schema_ref("Replay")
    location = {
        "Location": {
            "description": "Of the replay.",
            "required": True,
            "schema": {"type": "string"},
            "example": f"{_PATH}{REPLAY_ID}/",
        }
    }
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
                "201": json_response("It waits for its turn.", shown, WAITING, headers=location),
                "400": problem_response("The body is not JSON."),
                "413": problem_response(
                    "The body is too large.",
                    Problem(
                        413,
                        f"The body must be at most {MOST_BODY_BYTES} bytes, unpacked.",
                        limit=MOST_BODY_BYTES,
                    ),
                ),
                "415": unsupported_response("application/json"),
                "422": problem_response(
                    "A parameter is not allowed; the answer names it.",
                    Problem(422, "until must be later than from.", field="until"),
                ),
                "503": problem_response(
                    "The brokers or the database cannot be reached.",
                    unavailable("The brokers cannot be reached; ask again later."),
                ),
            },
        },
    )
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 100}
    cursor = {
        "type": "string",
        "pattern": ID_PATTERN,
        "description": "The next_cursor of the answer before.",
        "examples": [REPLAY_ID],
    }
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
                "200": json_response("A page.", schema_ref("ReplayPage")),
                "422": _WRONG,
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
                "200": json_response(
                    "It is cancelled.",
                    shown,
                    {**EXAMPLE, "state": "cancelled", "ended_at": "2026-01-31T12:00:09.003Z"},
                ),
                "404": _ABSENT,
                "409": problem_response(
                    "It is over already.",
                    Problem(409, "The replay is over (done): there is nothing to cancel.", state="done"),
                ),
                "503": _NO_DATABASE,
            },
        },
    )
