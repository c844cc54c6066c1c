"""Topics and collections: declared once, complete, and what docs/architecture.md says of them."""

import re
from pathlib import Path

import pytest

from postpulse import events
from postpulse.collections import COLLECTIONS
from postpulse.kafka.connection import MAX_REQUEST_BYTES
from postpulse.settings import IntakeSettings, KafkaSettings
from postpulse.topics import DEAD_LETTERS, POST_ANALYSES, POSTS, TOPICS, Topic, group_name, topic_name

_ARCHITECTURE = Path(__file__).resolve().parents[3] / "docs" / "architecture.md"
each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def documented(heading: str) -> dict[str, list[str]]:
    """First cell -> the others, of the table below a heading."""
    section = _ARCHITECTURE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\|.*$", section, re.M)
    ]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def test_names_are_declared_once_and_carry_their_version() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z-]+\.v1", name) for name in names)
    collections = [collection.name for collection in COLLECTIONS]
    assert len(set(collections)) == len(collections)


def test_the_documentation_has_every_collection() -> None:
    assert list(documented("Collections")) == [collection.name for collection in COLLECTIONS]
    assert all(collection.description.endswith(".") for collection in COLLECTIONS)


@each_topic
def test_a_topic_names_its_event_and_says_what_it_is(topic: Topic) -> None:
    assert getattr(events, topic.schema) in events._decoders
    assert topic.key
    assert topic.description.endswith(".")


@each_topic
def test_its_configuration_is_text_as_the_broker_has_it(topic: Topic) -> None:
    settings = KafkaSettings(replication_factor=3, min_insync_replicas=2)
    kept = {"delete.retention.ms": str(30 * 24 * 60 * 60 * 1000)} if "compact" in topic.cleanup else {}
    assert topic.config(settings) == kept | {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.max_message_bytes),
        "min.insync.replicas": "2",
    }


def test_what_is_asked_for_by_id_is_kept_for_good() -> None:
    for topic in (POSTS, POST_ANALYSES):
        assert (topic.cleanup, topic.retention_ms) == ("compact", -1)


@pytest.mark.parametrize("letter", ["\x01", '"', "é", "\U0001f600", "\u2028"])
def test_the_largest_post_fits_its_topic_and_the_dead_letters_and_a_request(letter: str) -> None:
    content = letter * (IntakeSettings().max_content_bytes // len(letter.encode()))
    post = events.encode(events.Post(post_id="a" * 32, content=content, received_at=1, created_at=1))
    letter_of_it = events.encode(
        events.DeadLetter(
            origin=events.Origin(POSTS.name, 1, 2, 3),
            stage="ingest",
            reason="r" * 1000,
            error_class="E",
            attempt=1,
            dead_at=1,
            key=b"a" * 32,
            value=post,
            headers=events.headers(events.Post),
        )
    )
    # Beside the value, a record has its key, its headers and what the protocol adds.
    assert len(post) + 2_000 < POSTS.max_message_bytes
    assert len(letter_of_it) + 2_000 < DEAD_LETTERS.max_message_bytes < MAX_REQUEST_BYTES


def test_the_largest_record_of_all_can_become_a_dead_letter() -> None:
    # Bytes are base64 there, four for three.
    for topic in TOPICS:
        if topic is not DEAD_LETTERS:
            assert topic.max_message_bytes * 4 // 3 + 100_000 < DEAD_LETTERS.max_message_bytes


@each_topic
def test_prefixes_go_before_topics_and_groups(topic: Topic) -> None:
    mine = KafkaSettings(topic_prefix="mine.")
    assert topic_name(topic, mine) == f"mine.{topic.name}"
    assert topic_name(topic, KafkaSettings()) == topic.name
    assert group_name("workers", mine) == "mine.workers"
    # Kafka's own limit.
    longest = KafkaSettings(topic_prefix="p" * 60)
    assert len(topic_name(topic, longest)) <= 249
