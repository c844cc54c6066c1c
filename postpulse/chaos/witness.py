"""What can be seen of a fault from outside: a fault that nobody saw any effect of has proved nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from confluent_kafka import ConsumerGroupState, KafkaException
from pymongo.errors import PyMongoError

from postpulse.kafka.admin import AdminError, admin_client, existing_topics
from postpulse.settings import Settings
from postpulse.topics import POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, group_name, topic_name

_LOOK_SECONDS = 0.25
_ASK_SECONDS = 5.0
_READ = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES)


def led_partitions(settings: Settings) -> Counter[int]:
    """How many partitions of what workers read each broker leads, by its id. Blocks.

    Raises:
        AdminError: no broker answers.
    """
    existing = existing_topics(admin_client(settings.kafka), settings.kafka)
    names = [topic_name(topic, settings.kafka) for topic in _READ]
    return Counter(
        partition.leader
        for name in names
        if name in existing
        for partition in existing[name].partitions.values()
    )


def settled_members(settings: Settings) -> int | None:
    """How many workers share the partitions; None while they are about to share them anew. Blocks.

    Raises:
        KafkaException, TimeoutError: the brokers do not say.
    """
    name = group_name(settings.worker.group, settings.kafka)
    # Kept until it has answered: a client that is dropped takes its questions along.
    client = admin_client(settings.kafka)
    found = client.describe_consumer_groups([name])[name].result(_ASK_SECONDS)
    settled = found.state in (ConsumerGroupState.STABLE, ConsumerGroupState.EMPTY)
    return len(found.members) if settled else None


async def seen(look: Callable[[], bool], seconds: float) -> float | None:
    """Look again and again, in a thread, for so long at most.

    Args:
        look: whether it is there; servers that do not answer have shown nothing.

    Returns:
        After how many seconds it was; None: not in time.
    """
    began = time.monotonic()
    while True:
        try:
            found = await asyncio.to_thread(look)
        except (AdminError, KafkaException, PyMongoError, TimeoutError):
            found = False
        took = time.monotonic() - began
        if found:
            return took
        if took > seconds:
            return None
        await asyncio.sleep(_LOOK_SECONDS)
