"""What OpenAPI says of the stream."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import SCHEMAS, describe, problem_response, schema_ref

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 500}
_FILTERS: dict[str, Any] = {
    "author": {**_TEXT, "description": "As the post was sent, to the letter.", "examples": ["ada"]},
    "hashtag": {
        **_TEXT,
        "description": "With its sign (%23 in a URL) or without, in any case of letters.",
        "examples": ["kafka"],
    },
    "mention": {
        **_TEXT,
        "description": "A name, with its sign or without, in any case of letters.",
        "examples": ["ada"],
    },
    "language": {
        "type": "string",
        "pattern": "^[a-z]{2,3}$",
        "description": "As the analysis found it: ISO 639-1, or und.",
        "examples": ["en"],
    },
    "sentiment": {"enum": ["positive", "neutral", "negative"]},
    "source": {**_TEXT, "description": "The application, as the post was sent.", "examples": ["web"]},
    "tag": {**_TEXT, "description": "One of the post's tags, to the letter.", "examples": ["launch"]},
}
_EVENT_ID = {
    "type": "string",
    "maxLength": 8005,
    "examples": ["1.eQrXk3dmRZmQ4yVd0oC0fJcBAAIBAAAD"],
}
_REASON = {"type": "string"}
_DATA: dict[str, Any] = {
    "StreamDeleted": {
        "type": "object",
        "required": ["post_id"],
        "properties": {"post_id": {"type": "string"}},
    },
    "StreamPosition": {
        "type": "object",
        "required": ["live"],
        "properties": {
            "live": {
                "type": "boolean",
                "description": "Whether the brokers answer; while they do not, nothing comes and nothing is lost.",
            }
        },
    },
    "StreamReset": {"type": "object", "required": ["reason"], "properties": {"reason": _REASON}},
    "StreamSlow": {
        "type": "object",
        "required": ["reason", "last_event_id"],
        "properties": {"reason": _REASON, "last_event_id": {"type": ["string", "null"]}},
    },
}
_EVENTS = {
    "analysis": "Analysis",
    "deleted": "StreamDeleted",
    "position": "StreamPosition",
    "reset": "StreamReset",
    "slow": "StreamSlow",
}
_DESCRIPTION = """\
Server-Sent Events, as browsers' `EventSource` reads them. `event` says what one is, `data` is a line of JSON:

| event | data | what it tells |
|---|---|---|
| `analysis` | `Analysis` | A finished analysis, also of a post that was edited or analyzed anew. |
| `deleted` | `StreamDeleted` | A post was deleted. All are told, whatever the filters. |
| `position` | `StreamPosition` | Where the stream stands: at its start, from time to time, on an outage. |
| `reset` | `StreamReset` | What was missed cannot be told, and why; what comes is told. |
| `slow` | `StreamSlow` | The reader is cut off; it may come back with the id. |

Each has an `id` but for a `position` before the place in the log is known. Whoever comes back with the last one is
told everything since, once, in order for each post: up to 100,000 results back. Comments come when there is nothing
else for 15 seconds. A result may come twice, with the same `revision`, where the pipeline itself told it twice."""
_EXAMPLE = """\
retry: 2741
id: 1.eQrXk3dmRZmQ4yVd0oC0fJcBAAIBAAAD
event: analysis
data: {"post_id":"06FQ2M7ZBR6T1PY9K0V3GJ8S4WCAH5XE","status":"analyzed","num_of_words":4,"avg_word_len":4.5}

"""


def describe_stream(app: web.Application) -> None:
    app[SCHEMAS].update(_DATA)
    filters = [
        {"name": name, "in": "query", "schema": {k: v for k, v in schema.items() if k != "description"}}
        | ({"description": schema["description"]} if "description" in schema else {})
        for name, schema in _FILTERS.items()
    ]
    describe(
        app,
        "/api/v1/stream/",
        "get",
        {
            "operationId": "streamAnalyses",
            "summary": "Finished analyses as they come",
            "description": _DESCRIPTION,
            "tags": ["posts"],
            "parameters": [
                *filters,
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "schema": _EVENT_ID,
                    "description": "The id of the last event that was read; browsers send it by themselves.",
                },
                {
                    "name": "last_event_id",
                    "in": "query",
                    "schema": _EVENT_ID,
                    "description": "The same, for clients that cannot send the header, which goes first.",
                },
            ],
            "responses": {
                "200": {
                    "description": "Events, until one side closes.",
                    "content": {
                        "text/event-stream": {
                            "schema": {
                                "type": "string",
                                "description": "The data of each event is one of these.",
                                "contentMediaType": "application/json",
                                "contentSchema": {
                                    "anyOf": [schema_ref(name) for name in ("Analysis", *_DATA)]
                                },
                            },
                            "example": _EXAMPLE,
                        }
                    },
                },
                "422": problem_response("A parameter is not allowed, or the id is none of this stream."),
                "503": problem_response("Too many streams are open at this process."),
            },
        },
    )
