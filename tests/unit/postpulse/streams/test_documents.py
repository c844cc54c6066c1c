"""The pages about the topics are what the code declares."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postpulse import events
from postpulse.settings import KafkaSettings
from postpulse.streams.asyncapi import asyncapi
from postpulse.streams.document import asyncapi_file, documented
from postpulse.streams.schemas import EVENTS, schemas
from postpulse.topics import TOPICS

DOCS = Path(__file__).resolve().parents[4] / "docs"


def test_the_pages_are_what_the_code_says() -> None:
    page = (DOCS / "streams.md").read_text("utf-8")
    assert documented(page) == page, "run make docs"
    assert (DOCS / "asyncapi.json").read_text("utf-8") == asyncapi_file(), "run make docs"
    with pytest.raises(ValueError, match="the page has no"):
        documented("# Another page")


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi(KafkaSettings())
    found = list(references(document))
    assert found
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize("event", EVENTS)
def test_every_field_is_described(event: type[msgspec.Struct]) -> None:
    assert list(schemas()[event.__name__]["properties"]) == list(event.__struct_encode_fields__)


def test_fields_carry_what_is_written_below_them() -> None:
    revision = schemas()["Analysis"]["properties"]["revision"]
    assert revision["description"].startswith("The offset of the post's record")


def test_topics_carry_events_and_the_prefix_in_force() -> None:
    document = asyncapi(KafkaSettings(topic_prefix="blue.", partitions=12, replication_factor=3))
    for topic in TOPICS:
        channel = document["channels"][topic.name]
        assert hasattr(events, topic.schema)
        assert channel["address"] == f"blue.{topic.name}"
        kafka = channel["bindings"]["kafka"]
        assert (kafka["topic"], kafka["partitions"], kafka["replicas"]) == (f"blue.{topic.name}", 12, 3)
    assert json.dumps(document)
