"""How far the workers are behind."""

from aiohttp import web

from postpulse.web.application import SETTINGS, add_route
from postpulse.web.openapi import (
    SCHEMAS,
    Document,
    describe,
    json_response,
    problem_response,
    schema_ref,
)
from postpulse.web.problems import unavailable
from query_api.keys import LAG
from query_api.pipeline.lag import HOLDS_SECONDS, Lag, LagUnknownError
from query_api.routes.answers import FLEETING, json_answer

_PATH = "/api/v1/pipeline/"


def install(app: web.Application) -> None:
    app[LAG] = Lag(app[SETTINGS])
    app.on_cleanup.append(_close)
    add_route(app, "GET", _PATH, get_pipeline)
    app[SCHEMAS]["PipelineTopic"] = _TOPIC
    describe(app, _PATH, "get", _CALL)


async def _close(app: web.Application) -> None:
    app[LAG].close()


async def get_pipeline(request: web.Request) -> web.Response:
    """Lag by topic and partition."""
    try:
        topics = await request.app[LAG].topics()
    except LagUnknownError as exc:
        raise unavailable(f"The lag is not known: {exc}.", retry_after=2) from None
    return json_answer({"topics": topics}, headers=FLEETING)


_COUNT = {"type": "integer", "minimum": 0}
_LAG = {
    **_COUNT,
    "description": "Offsets that the workers have not finished; in a compacted topic some have no record.",
}
_PARTITION: Document = {
    "type": "object",
    "required": ["partition", "end", "committed", "lag"],
    "properties": {
        "partition": _COUNT,
        "end": {**_COUNT, "description": "The offset that the next record gets."},
        "committed": {
            "type": ["integer", "null"],
            "description": "The next offset that the workers read; null before their first commit.",
        },
        "lag": _LAG,
    },
}
_TOPIC: Document = {
    "type": "object",
    "required": ["topic", "lag", "partitions"],
    "properties": {
        "topic": {"type": "string", "description": "Without the prefix in force."},
        "lag": _LAG,
        "partitions": {"type": "array", "items": _PARTITION},
    },
}
_EXAMPLE = {
    "topics": [
        {
            "topic": "posts.v1",
            "lag": 12,
            "partitions": [
                {"partition": 0, "end": 4000, "committed": 3988, "lag": 12},
                {"partition": 1, "end": 3912, "committed": 3912, "lag": 0},
            ],
        }
    ]
}
_CALL: Document = {
    "operationId": "getPipeline",
    "summary": "How far the workers are behind",
    "description": f"Of each topic that they read, by partition. At most {HOLDS_SECONDS:g} seconds old.",
    "tags": ["pipeline"],
    "responses": {
        "200": json_response(
            "Topics that are there, in the order of a post's way.",
            {
                "type": "object",
                "required": ["topics"],
                "properties": {"topics": {"type": "array", "items": schema_ref("PipelineTopic")}},
                "examples": [_EXAMPLE],
            },
        ),
        "503": problem_response("The brokers do not say; Retry-After says when to ask again."),
    },
}
