"""Where each partition of the topics stands, and how far the workers' group lags behind its end."""

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not so that mypy sees it
    AdminClient,
    OffsetSpec,
)

from postpulse.kafka.admin import admin_client, existing_topics, result_of
from postpulse.settings import Settings
from postpulse.topics import (
    DEAD_LETTERS,
    POST_CHUNK_ANALYSES,
    POST_CHUNKS,
    POSTS,
    Topic,
    group_name,
    topic_name,
)

_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
#: What the workers' group reads, each from its start: without a committed offset, all of it is lag.
_READ_BY_WORKERS = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, DEAD_LETTERS)


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
    found = result_of(client.describe_consumer_groups([name])[name], f"describe the consumer group {name}")
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
    committed = _committed(client, settings)
    low = _offsets(client, places, _EARLIEST)
    high = _offsets(client, places, _LATEST)
    read = {topic_name(topic, settings.kafka) for topic in _READ_BY_WORKERS}
    states = []
    for place in places:
        name, partition = place
        found = metadata[name][partition]
        done = committed.get(place)
        lag = max(0, high[place] - max(low[place], done or 0)) if name in read else None
        states.append(
            PartitionState(
                name,
                partition,
                found.leader,
                len(found.isrs),
                len(found.replicas),
                low[place],
                high[place],
                done,
                lag,
            )
        )
    return states


def _committed(client: AdminClient, settings: Settings) -> dict[tuple[str, int], int]:
    group = group_name(settings.worker.group, settings.kafka)
    asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    found = result_of(asked[group], f"read the offsets of the consumer group {group}")
    return {(tp.topic, tp.partition): tp.offset for tp in found.topic_partitions if tp.offset >= 0}


def _offsets(
    client: AdminClient, places: list[tuple[str, int]], which: OffsetSpec
) -> dict[tuple[str, int], int]:
    if not places:
        return {}
    asked = client.list_offsets({TopicPartition(*place): which for place in places})
    return {
        (tp.topic, tp.partition): result_of(future, f"read the offsets of {tp.topic}/{tp.partition}").offset
        for tp, future in asked.items()
    }
