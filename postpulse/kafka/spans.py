"""Which offsets of `posts.v1` a selection covers, as the log stands now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from postpulse.collections import Document
from postpulse.replays import span

_ASK_SECONDS = 5.0


class UnknownPartitionError(Exception):
    """A selection names a partition that posts.v1 does not have."""

    def __init__(self, partition: int, partitions: int) -> None:
        super().__init__(f"there is no partition {partition}; there are 0 to {partitions - 1}")


def find_spans(consumer: Consumer, topic: str, replay: Mapping[str, Any]) -> list[Document]:
    """The spans of a replay, in order of partitions; those without offsets are left out. Blocks.

    Args:
        consumer: of the brokers; it need not be assigned.
        topic: with the prefix in force.
        replay: with `selection`, and `places` where that is of single posts.

    Raises:
        KafkaException: the brokers could not be asked.
        UnknownPartitionError: it covers a partition that is not there.
    """
    selection, places = replay["selection"], replay.get("places")
    partitions = sorted(consumer.list_topics(topic, timeout=_ASK_SECONDS).topics[topic].partitions)
    bounds = {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ASK_SECONDS)
        for partition in partitions
    }
    if places is not None:
        asked = {int(partition): (min(found), max(found) + 1) for partition, found in places.items() if found}
    elif "offsets" in selection:
        asked = {int(partition): (first, end) for partition, (first, end) in selection["offsets"].items()}
    else:
        since = _at(consumer, topic, partitions, selection.get("from"))
        until = _at(consumer, topic, partitions, selection.get("until"))
        asked = {
            partition: (since.get(partition, low), until.get(partition, high))
            for partition, (low, high) in bounds.items()
        }
    unknown = asked.keys() - bounds.keys()
    if unknown:
        raise UnknownPartitionError(min(unknown), len(bounds))
    spans = []
    for partition, (low, high) in bounds.items():
        if partition in asked:
            first, end = max(low, int(asked[partition][0])), min(high, int(asked[partition][1]))
            if first < end:
                spans.append(span(partition, first, end))
    return spans


def _at(consumer: Consumer, topic: str, partitions: list[int], time: datetime | None) -> dict[int, int]:
    """The first offsets at or after a time; the end of a partition where nothing is so new."""
    if time is None:
        return {}
    milliseconds = max(0, round(time.timestamp() * 1000))
    found = consumer.offsets_for_times(
        [TopicPartition(topic, partition, milliseconds) for partition in partitions], timeout=_ASK_SECONDS
    )
    # Below zero is librdkafka's word for the end.
    return {at.partition: at.offset if at.offset >= 0 else 2**62 for at in found}
