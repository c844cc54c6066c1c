"""What OpenAPI says of the calls about dead letters."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import (
    SCHEMAS,
    describe,
    json_response,
    problem_response,
    schema_ref,
    unsupported_response,
)
from postpulse.web.problems import Problem, unavailable
from query_api.routes.dead_letters_parameters import MOST, MOST_BODY_BYTES, MOST_VALUE_BYTES
from query_api.routes.dead_letters_schemas import CURSOR, DEAD_LETTER_SCHEMAS, FILTERS, ID

_PATH = "/api/v1/dead-letters/"
_WRONG = problem_response(
    "A parameter is not allowed; the answer names it.",
    Problem(422, f"limit is not allowed: Expected `int` <= {MOST}.", field="limit"),
)
_NO_DATABASE = problem_response("The database cannot be reached.")


def describe_dead_letters(app: web.Application) -> None:
    app[SCHEMAS].update(DEAD_LETTER_SCHEMAS)
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
                for name, schema in {**FILTERS, "limit": limit, "cursor": CURSOR}.items()
            ],
            "responses": {
                "200": json_response("A page.", schema_ref("DeadLetterPage")),
                "422": _WRONG,
                "503": _NO_DATABASE,
            },
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
            "parameters": [
                {
                    "name": "letter_id",
                    "in": "path",
                    "required": True,
                    "description": "Its id, as the list has it.",
                    "schema": ID,
                },
                {
                    "name": "max_value_bytes",
                    "in": "query",
                    "description": "Of the value, the first so many bytes, so that no character is cut in two; "
                    "all without it. value_bytes says how many there are.",
                    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_VALUE_BYTES},
                    "example": 2000,
                },
            ],
            "responses": {
                "200": json_response("The letter.", schema_ref("DeadLetter")),
                "404": problem_response("There is none, or none any more."),
                "422": problem_response(
                    "A parameter is not allowed; the answer names it.",
                    Problem(
                        422, "max_value_bytes is not allowed: Expected `int` >= 1.", field="max_value_bytes"
                    ),
                ),
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
            "413": problem_response(
                "The body is too large.",
                Problem(
                    413, f"The body must be at most {MOST_BODY_BYTES} bytes, unpacked.", limit=MOST_BODY_BYTES
                ),
            ),
            "415": unsupported_response("application/json"),
            "422": _WRONG,
            "503": problem_response(
                "The brokers or the database cannot be reached.",
                unavailable("The brokers do not answer: 3 letters are redriven; try the others later."),
            ),
        },
    }
