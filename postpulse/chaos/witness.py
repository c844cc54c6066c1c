"""What can be seen of a fault from outside: a fault that nobody saw any effect of has proved nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from pymongo.errors import PyMongoError

from postpulse.kafka.admin import AdminError, admin_client, existing_topics
from postpulse.kafka.lag import describe_group
from postpulse.settings import Settings
from postpulse.topics import POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, topic_name

_LOOK_SECONDS = 0.25
#: What posts go through.
READ = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES)


def led_partitions(settings: Settings) -> Counter[int]:
    """How many partitions of what workers read each broker leads, by its id. Blocks.

    Raises:
        AdminError: no broker answers.
    """
    existing = existing_topics(admin_client(settings.kafka), settings.kafka)
    leaders = (
        partition.leader
        for topic in READ
        if (name := topic_name(topic, settings.kafka)) in existing
        for partition in existing[name].partitions.values()
    )
    return Counter(leader for leader in leaders if leader > 0)


def settled_members(settings: Settings) -> int | None:
    """How many workers share the partitions; None while they are about to share them anew. Blocks.

    Raises:
        AdminError: the brokers do not say.
    """
    group = describe_group(settings)
    return group.members if group.state in ("stable", "empty") else None


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
        except (AdminError, PyMongoError):
            found = False
        took = time.monotonic() - began
        if found:
            return took
        if took > seconds:
            return None
        await asyncio.sleep(_LOOK_SECONDS)
