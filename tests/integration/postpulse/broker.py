"""What tests do to servers of their own, and what they find in a broker."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from confluent_kafka import Consumer, TopicPartition

from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.kafka.publisher import Record
from postpulse.settings import KafkaSettings
from postpulse.topics import POSTS, topic_name


@contextmanager
def started(server: EmbeddedKafka | EmbeddedMongo) -> Iterator[None]:
    """The server runs until the end of the block; the test is skipped where it cannot."""
    try:
        server.start()
    except EmbeddedError as exc:
        pytest.skip(f"{type(server).__name__} cannot run here: {exc}")
    try:
        yield
    finally:
        server.kill_all()


@contextmanager
def killed(server: EmbeddedKafka | EmbeddedMongo) -> Iterator[None]:
    """The process is gone until the end of the block."""
    server.kill(0)
    try:
        yield
    finally:
        server.restart(0)


@contextmanager
def frozen(server: EmbeddedKafka | EmbeddedMongo) -> Iterator[None]:
    """The process takes connections and answers nothing, as one whose machine swaps."""
    pid = server.children[0].pid
    assert pid is not None
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        # The test may have killed it.
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGCONT)


def records(settings: KafkaSettings, values: Sequence[bytes | None], key: bytes = b"k") -> list[Record]:
    """Records of `posts.v1`, all with one key."""
    return [Record(topic_name(POSTS, settings), key, value, []) for value in values]


def stored(settings: KafkaSettings, partition: int = 0) -> list[bytes | None]:
    """The values in a partition of `posts.v1`, in the log's order."""
    config = {"bootstrap.servers": settings.bootstrap_servers, "group.id": "reader", "log_level": 0}
    consumer = Consumer(config)
    place = TopicPartition(topic_name(POSTS, settings), partition, 0)
    try:
        _, end = consumer.get_watermark_offsets(place, timeout=20)
        consumer.assign([place])
        values: list[bytes | None] = []
        while consumer.position([place])[0].offset < end:
            for message in consumer.consume(1000, timeout=0.2):
                assert message.error() is None
                values.append(message.value())
        return values
    finally:
        consumer.close()
