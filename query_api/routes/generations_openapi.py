"""What OpenAPI says of the calls about generations."""

from typing import Any

from aiohttp import web

from postpulse.generations.state import Status
from postpulse.web.openapi import (
    SCHEMAS,
    describe,
    json_response,
    problem_response,
    schema_ref,
    unsupported_response,
)
from postpulse.web.problems import Problem

_PATH = "/api/v1/generations/"
_MAYBE_TIME = {"type": ["string", "null"], "format": "date-time"}
_VIEW: dict[str, Any] = {
    "number": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "status": {
        "enum": [str(status) for status in Status],
        "description": "Of the current one queries are answered; live posts go to it, and to those that are "
        "building, ready or kept.",
    },
    "analysis_version": {
        "type": ["integer", "null"],
        "description": "That it was made for; null if not known.",
    },
    "replay": {"type": ["string", "null"], "description": "The replay that fills it, or has."},
    "posts_estimated": {
        "type": "integer",
        "minimum": 0,
        "description": "Documents of posts, an estimate; markers of deleted ones among them.",
    },
    "created_at": _MAYBE_TIME,
    "switched_at": {**_MAYBE_TIME, "description": "When queries last went to it."},
    "drop_at": {**_MAYBE_TIME, "description": "When it goes; null where it stays."},
}
_GENERATIONS: list[dict[str, Any]] = [
    {
        "number": 1,
        "status": "kept",
        "analysis_version": 1,
        "replay": None,
        "posts_estimated": 120_000,
        "created_at": "2026-01-01T00:00:00.000Z",
        "switched_at": None,
        "drop_at": "2026-02-01T12:00:00.000Z",
    },
    {
        "number": 2,
        "status": "current",
        "analysis_version": 2,
        "replay": "19c13c6f680-3a15f1e",
        "posts_estimated": 120_000,
        "created_at": "2026-01-31T11:00:00.000Z",
        "switched_at": "2026-01-31T12:00:00.000Z",
        "drop_at": None,
    },
]
_COUNT = {"type": "integer", "minimum": 0}
_STATES = ("analyzed", "analyzing", "dead", "deleted")
_HELD = {
    "type": "object",
    "required": ["current", "other"],
    "properties": {"current": _COUNT, "other": _COUNT},
}
_DIFFERENCE = "posts 119998 instead of 120000"
_COMPARISON: dict[str, Any] = {
    "type": "object",
    "required": ["number", "current", "posts", "differences"],
    "properties": {
        "number": {**_VIEW["number"], "description": "Of the other one, that was asked for."},
        "current": {**_VIEW["number"], "description": "Of the one that queries are answered from."},
        "posts": {
            "type": "object",
            "description": "How many there are in which state.",
            "required": list(_STATES),
            "properties": dict.fromkeys(_STATES, _HELD),
        },
        "differences": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What both must agree on and do not, the sums of the counters too: with any, only "
            "force switches.",
        },
    },
    "examples": [
        {
            "number": 2,
            "current": 1,
            "posts": {
                "analyzed": {"current": 119_990, "other": 119_988},
                "analyzing": {"current": 0, "other": 0},
                "dead": {"current": 10, "other": 10},
                "deleted": {"current": 17, "other": 12},
            },
            "differences": [_DIFFERENCE],
        }
    ],
}
_SWITCH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "force": {
            "type": "boolean",
            "default": False,
            "description": "Also to one that is being filled, or differs from the current one.",
        }
    },
    "examples": [{"force": False}],
}
_NO_DATABASE = problem_response("The database cannot be reached.")
_ABSENT = problem_response("There is no such generation, or none any more.")
_NUMBER = problem_response(
    "The number is none.", Problem(422, "number is not allowed: Expected `int` >= 1.", field="number")
)
_DIFFERS = Problem(
    409,
    f"Generation 2 differs from the current one: {_DIFFERENCE}. Only force switches to it.",
    differences=[_DIFFERENCE],
)
_BY_NUMBER = [
    {
        "name": "number",
        "in": "path",
        "required": True,
        "description": "Of the generation.",
        "schema": _VIEW["number"],
        "example": 2,
    }
]


def describe_generations(app: web.Application) -> None:
    app[SCHEMAS]["Generation"] = {
        "type": "object",
        "required": list(_VIEW),
        "properties": _VIEW,
        "examples": _GENERATIONS,
    }
    app[SCHEMAS]["GenerationComparison"] = _COMPARISON
    all_of_them = {
        "type": "object",
        "required": ["generations"],
        "properties": {"generations": {"type": "array", "items": schema_ref("Generation")}},
    }
    listed = json_response(
        "All generations, by ascending number.", all_of_them, {"generations": _GENERATIONS}
    )
    common = {"tags": ["generations"]}
    describe(
        app,
        _PATH,
        "get",
        {
            **common,
            "operationId": "listGenerations",
            "summary": "Generations of the collections",
            "responses": {"200": listed, "503": _NO_DATABASE},
        },
    )
    describe(
        app,
        f"{_PATH}{{number}}/comparison/",
        "get",
        {
            **common,
            "operationId": "compareGeneration",
            "summary": "What this generation holds beside the current one",
            "description": "Posts and counters of both are counted in one snapshot: with many it takes minutes.",
            "parameters": _BY_NUMBER,
            "responses": {
                "200": json_response("The counts.", schema_ref("GenerationComparison")),
                "404": _ABSENT,
                "409": problem_response("It is being made or dropped: there is nothing to compare."),
                "422": _NUMBER,
                "503": _NO_DATABASE,
            },
        },
    )
    describe(
        app,
        f"{_PATH}{{number}}/switch/",
        "post",
        {
            **common,
            "operationId": "switchGeneration",
            "summary": "Answer queries from this generation; the current one is kept for a grace time",
            "parameters": _BY_NUMBER,
            "requestBody": {"content": {"application/json": {"schema": _SWITCH}}},
            "responses": {
                "200": listed,
                "400": problem_response("The body is not JSON."),
                "404": _ABSENT,
                "409": problem_response(
                    "It is not as full as the current one; `differences` say in what.", _DIFFERS
                ),
                "413": problem_response("The body is too large."),
                "415": unsupported_response("application/json"),
                "422": problem_response("The number is none, or a parameter is not allowed."),
                "503": _NO_DATABASE,
            },
        },
    )
    describe(
        app,
        f"{_PATH}{{number}}/",
        "delete",
        {
            **common,
            "operationId": "dropGeneration",
            "summary": "Let a generation go; a worker drops it in a moment",
            "parameters": _BY_NUMBER,
            "responses": {
                "200": listed,
                "404": _ABSENT,
                "409": problem_response("It is the current one."),
                "422": _NUMBER,
                "503": _NO_DATABASE,
            },
        },
    )
