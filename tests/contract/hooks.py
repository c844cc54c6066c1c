"""What Schemathesis is told about the media types and values of the APIs; `schemathesis.toml` names this file."""

import json
import re
from typing import Any

import schemathesis
from schemathesis import DeserializationContext, HookContext, Response, SerializationContext

_YEAR = re.compile(r"^(?!19[89]|20[012])\d{4}-")


@schemathesis.serializer("application/x-ndjson")
def to_lines(_: SerializationContext, value: Any) -> bytes:
    """A line for each item; what is not an array goes as one line, examples and bytes as they are."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    return b"".join(
        json.dumps(item).encode() + b"\n" for item in (value if isinstance(value, list) else [value])
    )


@schemathesis.deserializer("application/x-ndjson")
def from_lines(_: DeserializationContext, response: Response) -> Any:
    return [json.loads(line) for line in response.content.splitlines()]


@schemathesis.hook
def map_body(_: HookContext, body: Any) -> Any:
    """JSON Schema cannot say of a time that it must lie between 1970 and now: of `created_at`, all do."""
    for post in body if isinstance(body, list) else [body]:
        if isinstance(post, dict) and isinstance(post.get("created_at"), str):
            post["created_at"] = _YEAR.sub("2000-", post["created_at"])
    return body
