"""The topics as an AsyncAPI 3 document."""

from typing import Any

from postpulse import __version__
from postpulse.settings import KafkaSettings
from postpulse.streams.schemas import schemas
from postpulse.topics import TOMBSTONE_MS, TOPICS, Topic, topic_name

Document = dict[str, Any]

_BINDING = "0.5.0"
_HEADERS: Document = {
    "type": "object",
    "properties": {
        "content-type": {"const": "application/json"},
        "schema": {
            "type": "string",
            "description": "The event's name and version.",
            "examples": ["Analysis/1"],
        },
        "traceparent": {"type": "string", "description": "W3C trace context, where the sender gave one."},
    },
}


def asyncapi(settings: KafkaSettings) -> Document:
    """What the topics carry, as AsyncAPI 3.0 describes it, seen from postpulse: it sends what others receive.

    Args:
        settings: whose prefix, partitions and replication are told.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "postpulse",
            "version": __version__,
            "license": {"name": "MIT"},
            "description": "The topics of postpulse. Within a version, fields are only added: ignore those you do "
            "not know. A change that breaks readers is a new topic.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, settings) for topic in TOPICS},
        "operations": {
            f"send {topic.name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": topic.description,
            }
            for topic in TOPICS
        },
        "components": {
            "messages": {topic.schema: _message(topic) for topic in TOPICS},
            "schemas": schemas(),
        },
    }


def _channel(topic: Topic, settings: KafkaSettings) -> Document:
    configuration: Document = {
        "cleanup.policy": topic.cleanup.split(","),
        "retention.ms": topic.retention_ms,
        "max.message.bytes": topic.max_message_bytes,
    }
    if "compact" in topic.cleanup:
        configuration["delete.retention.ms"] = TOMBSTONE_MS
    return {
        "address": topic_name(topic, settings),
        "description": topic.description,
        "messages": {topic.schema: {"$ref": f"#/components/messages/{topic.schema}"}},
        "bindings": {
            "kafka": {
                "topic": topic_name(topic, settings),
                "partitions": settings.partitions,
                "replicas": settings.replication_factor,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING,
            }
        },
    }


def _message(topic: Topic) -> Document:
    return {
        "name": topic.schema,
        "contentType": "application/json",
        "headers": _HEADERS,
        "payload": {"$ref": f"#/components/schemas/{topic.schema}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": _BINDING}
        },
    }
