"""Every topic, declared once: what applies them, documents them and uses them reads this list."""

from dataclasses import dataclass
from typing import Literal

from postpulse.settings import KafkaSettings

#: A record carries up to 1 MiB of content by default, which JSON may lengthen six times (control characters).
_LARGE = 8 * 1024 * 1024
_DAY_MS = 24 * 60 * 60 * 1000
#: How long a null value stays in a compacted log. Whoever was away for longer may never hear of a delete.
TOMBSTONE_MS = 30 * _DAY_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        name: without the prefix of `POSTPULSE_KAFKA_TOPIC_PREFIX`.
        key: what the record key is, for the reader.
        cleanup: Kafka's cleanup.policy.
        retention_ms: how long records are kept; -1 for good. Without meaning for a topic that is only compacted.
        max_message_bytes: the largest record batch that the broker takes.
        schema: the event's name in `postpulse.events`.
        description: one sentence.
    """

    name: str
    key: str
    cleanup: Literal["compact", "delete", "compact,delete"]
    retention_ms: int
    max_message_bytes: int
    schema: str
    description: str

    def config(self, settings: KafkaSettings) -> dict[str, str]:
        """The topic's configuration as the broker names it, every value as text."""
        config = {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "min.insync.replicas": str(settings.min_insync_replicas),
        }
        if "compact" in self.cleanup:
            config["delete.retention.ms"] = str(TOMBSTONE_MS)
        return config


POSTS = Topic(
    name="posts.v1",
    key="post_id",
    cleanup="compact",
    retention_ms=-1,
    max_message_bytes=_LARGE,
    schema="Post",
    description="Every accepted post, for good: the record of truth. A null value erases a post.",
)
POST_CHUNKS = Topic(
    name="post-chunks.v1",
    key="post_id:index",
    cleanup="delete",
    retention_ms=7 * _DAY_MS,
    max_message_bytes=_LARGE,
    schema="Chunk",
    description="The pieces of long posts, spread over all partitions.",
)
POST_CHUNK_ANALYSES = Topic(
    name="post-chunk-analyses.v1",
    key="post_id",
    cleanup="delete",
    retention_ms=7 * _DAY_MS,
    max_message_bytes=_LARGE,
    schema="ChunkAnalysis",
    description="The partial result of each chunk, gathered on its post's partition.",
)
POST_ANALYSES = Topic(
    name="post-analyses.v1",
    key="post_id",
    cleanup="compact",
    retention_ms=-1,
    max_message_bytes=_LARGE,
    schema="Analysis",
    description="The current analysis of every post, for other consumers. A null value follows a delete.",
)
DEAD_LETTERS = Topic(
    name="posts-dead-letter.v1",
    key="origin topic/partition/offset",
    # A null value takes a letter away, and in time its bytes; what nobody looks at goes with its age.
    cleanup="compact,delete",
    retention_ms=90 * _DAY_MS,
    max_message_bytes=2 * _LARGE,
    schema="DeadLetter",
    description="Records that could not be processed: their raw bytes, the reason, where they stood. A null "
    "value follows a redrive or a discard.",
)

POSTS_REPLAY = Topic(
    name="posts-replay.v1",
    key="post_id",
    cleanup="delete",
    retention_ms=_DAY_MS,
    max_message_bytes=_LARGE,
    schema="Post",
    description="Copies of posts.v1 that replays ask to be looked at again; their headers say which replay, and "
    "where the post's own record stands. A replay that builds a new generation copies tombstones, too.",
)

TOPICS = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, POST_ANALYSES, DEAD_LETTERS, POSTS_REPLAY)


def topic_name(topic: Topic, settings: KafkaSettings) -> str:
    """The name on the broker, with the prefix in force."""
    return settings.topic_prefix + topic.name


def group_name(group: str, settings: KafkaSettings) -> str:
    """The consumer group's name on the broker, with the prefix in force."""
    return settings.topic_prefix + group
