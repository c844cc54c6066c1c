"""The tables of docs/streams.md, and docs/asyncapi.json; `make docs` writes them, a test compares."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from postpulse.documents import written_between
from postpulse.settings import KafkaSettings
from postpulse.streams.asyncapi import asyncapi
from postpulse.streams.schemas import schemas
from postpulse.topics import TOPICS, Topic

_DAY_MS = 24 * 60 * 60 * 1000


def documented(page: str) -> str:
    """The page with its tables as topics and events are declared.

    Raises:
        ValueError: the page does not say where they stand.
    """
    return written_between(written_between(page, "topics", _topics()), "events", _events())


def asyncapi_file() -> str:
    """The AsyncAPI document with the settings' defaults, as a file."""
    encoded = msgspec.json.format(msgspec.json.encode(asyncapi(KafkaSettings())), indent=2)
    return encoded.decode() + "\n"


def _topics() -> str:
    rows = [
        f"| `{topic.name}` | `{topic.schema}` | {topic.key} | {_kept(topic)} | {topic.description} |"
        for topic in TOPICS
    ]
    return "\n".join(["| topic | value | key | kept | what it is |", "|---|---|---|---|---|", *rows])


def _kept(topic: Topic) -> str:
    kept = "for good" if topic.retention_ms < 0 else f"{topic.retention_ms // _DAY_MS} days"
    return f"the last of each key, {kept}" if "compact" in topic.cleanup else kept


def _events() -> str:
    return "\n\n".join(
        "\n".join(
            [
                f"### {name}",
                "",
                schema["description"].partition("\n\n")[0],
                "",
                "| field | type | always there | meaning |",
                "|---|---|---|---|",
                *_fields(schema),
            ]
        )
        for name, schema in schemas().items()
        if "properties" in schema
    )


def _fields(schema: dict[str, Any]) -> list[str]:
    required = schema.get("required", ())
    return [
        f"| `{name}` | {_type(field)} | {'yes' if name in required else 'no'} "
        f"| {' '.join(field.get('description', '').split())} |"
        for name, field in schema["properties"].items()
    ]


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = str(field["$ref"].rpartition("/")[2])
        parts = schemas()[name].get("prefixItems")
        return f"[{', '.join(map(_type, parts))}]" if parts else name
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if field["type"] == "array":
        if "prefixItems" in field:
            return f"[{', '.join(map(_type, field['prefixItems']))}]"
        return f"list of {_type(field['items'])}"
    return "base64" if field.get("contentEncoding") == "base64" else str(field["type"])


if __name__ == "__main__":
    streams, description = map(Path, sys.argv[1:])
    streams.write_text(documented(streams.read_text("utf-8")), "utf-8")
    description.write_text(asyncapi_file(), "utf-8")
