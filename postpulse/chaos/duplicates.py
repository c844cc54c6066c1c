"""Records once more: as retries, spools and replays of others would write them."""

import random
import time
from collections.abc import Sequence
from secrets import token_hex

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from postpulse.kafka.connection import MAX_REQUEST_BYTES, client_config
from postpulse.settings import KafkaSettings
from postpulse.topics import POSTS, topic_name

_SHARE = 0.2
_PATIENCE_SECONDS = 20.0


def tell_again(settings: KafkaSettings, post_ids: Sequence[str], rng: random.Random) -> int:
    """Write a share of the posts, each as its last record has it, to posts.v1 again, in random order.

    Args:
        post_ids: those to choose from; nothing more is said about them meanwhile. (Nor are older records of a post
            told: the later record is the later word on it, so that these would be edits.)

    Returns:
        How many.
    """
    topic = topic_name(POSTS, settings)
    last = _last_records(settings, topic)
    chosen = rng.sample(post_ids, int(len(post_ids) * _SHARE))
    again = [key for key in (post_id.encode() for post_id in chosen) if key in last]
    producer = Producer(
        {
            **client_config(settings, "postpulse-chaos"),
            "acks": "all",
            "enable.idempotence": True,
            "message.max.bytes": MAX_REQUEST_BYTES,
            "partitioner": "murmur2_random",
        }
    )
    for key in again:
        producer.produce(topic, last[key].value(), key, headers=last[key].headers())
    producer.flush(_PATIENCE_SECONDS)
    return len(again)


def _last_records(settings: KafkaSettings, topic: str) -> dict[bytes, Message]:
    consumer = Consumer(
        {**client_config(settings, "postpulse-chaos"), "group.id": token_hex(4), "enable.auto.commit": False}
    )
    last: dict[bytes, Message] = {}
    try:
        ends = {}
        for partition in range(settings.partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            if high > low:
                ends[partition] = high
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while ends and time.monotonic() < deadline:
            for message in consumer.consume(1000, timeout=0.5):
                if message.error() is None:
                    last[message.key() or b""] = message
            for place in consumer.position([TopicPartition(topic, partition) for partition in ends]):
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]
    except KafkaException:
        # The brokers are being hurt as well: what was read will do.
        pass
    finally:
        consumer.close()
    return last
