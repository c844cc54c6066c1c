"""Records once more and in another order: as retries, spools and replays of others would write them."""

import random
import time
from collections.abc import Sequence
from secrets import token_hex

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from postpulse.kafka.connection import MAX_REQUEST_BYTES, client_config
from postpulse.settings import KafkaSettings
from postpulse.topics import POSTS, Topic, topic_name

_SHARE = 0.2
_MOST = 2000
_PATIENCE_SECONDS = 20.0


def tell_posts_again(settings: KafkaSettings, post_ids: Sequence[str], rng: random.Random) -> int:
    """Write a share of the posts, each as its last record has it, to posts.v1 again, in random order. Blocks.

    Args:
        post_ids: those to choose from; nothing more is said about them meanwhile. (Nor are older records of a post
            told: the later record is the later word on it, so that these would be edits.)

    Returns:
        How many the brokers have acknowledged.
    """
    last = {message.key(): message for message in _read(settings, POSTS)}
    chosen = rng.sample(post_ids, int(len(post_ids) * _SHARE))
    keys = [key for key in (post_id.encode() for post_id in chosen) if key in last]
    return _write(settings, POSTS, [last[key] for key in keys])


def tell_pieces_again(settings: KafkaSettings, topic: Topic, rng: random.Random) -> int:
    """Write chunks or partial results, those of posts under way and of deleted ones included, to their topic again,
    in random order. Blocks.

    Returns:
        How many the brokers have acknowledged.
    """
    records = _read(settings, topic)
    return _write(settings, topic, rng.sample(records, min(len(records), _MOST)))


def _write(settings: KafkaSettings, topic: Topic, records: Sequence[Message]) -> int:
    producer = Producer(
        {
            **client_config(settings, "postpulse-chaos"),
            "acks": "all",
            "enable.idempotence": True,
            "message.max.bytes": MAX_REQUEST_BYTES,
            "partitioner": "murmur2_random",
        }
    )
    acknowledged = 0

    def count(error: KafkaError | None, _: Message) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    for record in records:
        producer.produce(
            topic_name(topic, settings),
            record.value(),
            record.key(),
            headers=record.headers(),
            on_delivery=count,
        )
    producer.flush(_PATIENCE_SECONDS)
    return acknowledged


def _read(settings: KafkaSettings, topic: Topic) -> list[Message]:
    """All records of a topic, those of one partition in order."""
    name = topic_name(topic, settings)
    consumer = Consumer(
        {**client_config(settings, "postpulse-chaos"), "group.id": token_hex(4), "enable.auto.commit": False}
    )
    records: list[Message] = []
    try:
        ends = {}
        for partition in range(settings.partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=10)
            if high > low:
                ends[partition] = high
        consumer.assign([TopicPartition(name, partition, 0) for partition in ends])
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while ends and time.monotonic() < deadline:
            records += [message for message in consumer.consume(1000, timeout=0.5) if message.error() is None]
            for place in consumer.position([TopicPartition(name, partition) for partition in ends]):
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]
    except KafkaException:
        # The brokers are being hurt as well: what was read will do.
        pass
    finally:
        consumer.close()
    return records
