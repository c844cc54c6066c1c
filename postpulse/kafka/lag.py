"""Where each partition of the topics stands, and how far the workers' group lags behind its end."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not so that mypy sees it
    AdminClient,
    OffsetSpec,
)

from postpulse.kafka.admin import ANSWER_SECONDS, AdminError, admin_client, existing_topics, result_of
from postpulse.kafka.connection import client_config
from postpulse.settings import Settings
from postpulse.topics import (
    DEAD_LETTERS,
    POST_CHUNK_ANALYSES,
    POST_CHUNKS,
    POSTS,
    POSTS_REPLAY,
    Topic,
    group_name,
    topic_name,
)

Place = tuple[str, int]
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
#: Of a group that a broker is about to take over; the first group on new brokers among them.
_COORDINATOR_AWAY = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
_PAUSE_SECONDS = 0.1
#: What the workers' group reads, each from its start: without a committed offset, all of it is lag.
_READ_BY_WORKERS = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, DEAD_LETTERS, POSTS_REPLAY)


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One partition of a topic.

    Attributes:
        topic: with the prefix in force.
        leader: broker id; -1 while there is none.
        in_sync, replicas: brokers that are up to date, and that should be.
        low, high: the first offset that is still there, and the next one to be written.
        committed: the next offset that the workers' group will read; None where it has committed none.
        lag: offsets (in a compacted topic some have no record) that the group has not finished; None for a topic
            that it does not read.
    """

    topic: str
    partition: int
    leader: int
    in_sync: int
    replicas: int
    low: int
    high: int
    committed: int | None
    lag: int | None


@dataclass(frozen=True, slots=True)
class GroupState:
    """The workers' consumer group: Kafka's name of its state (stable, empty, dead …) and its members."""

    name: str
    state: str
    members: int


def describe_group(settings: Settings) -> GroupState:
    """How the workers' group is. Blocks.

    Raises:
        AdminError: the brokers could not be asked.
    """
    name = group_name(settings.worker.group, settings.kafka)
    client = admin_client(settings.kafka)
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            found = result_of(
                client.describe_consumer_groups([name])[name], f"describe the consumer group {name}"
            )
        except AdminError as error:
            if error.code not in _COORDINATOR_AWAY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return GroupState(name, found.state.name.lower(), len(found.members))


def describe_partitions(settings: Settings, topics: Iterable[Topic]) -> list[PartitionState]:
    """The partitions of those of the topics that are there, in order. Blocks.

    Raises:
        AdminError: the brokers could not be asked.
    """
    client = admin_client(settings.kafka)
    existing = existing_topics(client, settings.kafka)
    names = [topic_name(topic, settings.kafka) for topic in topics]
    metadata = {name: existing[name].partitions for name in names if name in existing}
    places = [(name, partition) for name, found in metadata.items() for partition in sorted(found)]
    # Committed offsets first, ends last: read the other way round, a group could seem to be ahead.
    committed = _committed(settings, places)
    found_at = bounds(client, places)
    read = {topic_name(topic, settings.kafka) for topic in _READ_BY_WORKERS}
    states = []
    for place in places:
        name, partition = place
        found = metadata[name][partition]
        done = committed.get(place)
        low, high = found_at[place]
        lag = max(0, high - max(low, done or 0)) if name in read else None
        states.append(
            PartitionState(
                name,
                partition,
                found.leader,
                len(found.isrs),
                len(found.replicas),
                low,
                high,
                done,
                lag,
            )
        )
    return states


def _committed(settings: Settings, places: list[Place]) -> dict[Place, int]:
    group = group_name(settings.worker.group, settings.kafka)
    if not places:
        return {}
    # A consumer that joins nothing. The admin client's call for it ends the process where the group's coordinator
    # has just moved (librdkafka issue 5040).
    config = client_config(settings.kafka, "postpulse-admin") | {
        "group.id": group,
        "enable.auto.commit": False,
    }
    consumer = Consumer(config)
    try:
        found = consumer.committed([TopicPartition(*place) for place in places], timeout=ANSWER_SECONDS)
    except KafkaException as exc:
        raise AdminError(
            f"cannot read the offsets of the consumer group {group}: {exc.args[0].str()}"
        ) from None
    finally:
        consumer.close()
    return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset >= 0}


def bounds(client: AdminClient, places: list[Place]) -> dict[Place, tuple[int, int]]:
    """Of each partition, as (topic, partition), the first offset and the end. Blocks.

    Raises:
        AdminError: the brokers could not be asked.
    """
    low, high = _offsets(client, places, _EARLIEST), _offsets(client, places, _LATEST)
    return {place: (low[place], high[place]) for place in places}


def _offsets(client: AdminClient, places: list[Place], which: OffsetSpec) -> dict[Place, int]:
    if not places:
        return {}
    asked = client.list_offsets({TopicPartition(*place): which for place in places})
    return {
        (tp.topic, tp.partition): result_of(future, f"read the offsets of {tp.topic}/{tp.partition}").offset
        for tp, future in asked.items()
    }
