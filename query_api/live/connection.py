"""How the feed's connection to the brokers is, read from the statistics that librdkafka emits."""

from dataclasses import dataclass

import msgspec

from postpulse.telemetry import metrics

#: A fetch is answered within half a second, with records or without; a broker that is silent for longer is away.
_SILENCE_MICROSECONDS = 3_000_000


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of the connection.

    Attributes:
        up: whether the leader of every partition answers.
        lag: records that are in the log and were not seen yet.
    """

    up: bool = False
    lag: int = 0


class _Broker(msgspec.Struct):
    nodeid: int
    state: str
    rxidle: int

    @property
    def answers(self) -> bool:
        return self.state == "UP" and 0 <= self.rxidle < _SILENCE_MICROSECONDS


class _Partition(msgspec.Struct):
    leader: int
    desired: bool
    consumer_lag: int


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition]


class _Statistics(msgspec.Struct):
    brokers: dict[str, _Broker]
    topics: dict[str, _Topic]


_decoder = msgspec.json.Decoder(_Statistics)


def connection_from(statistics: str, topic: str) -> Connection:
    """The state of the connection to the brokers that lead the topic's partitions.

    Args:
        statistics: JSON, as librdkafka's STATISTICS.md has it.
        topic: with the prefix in force.
    """
    decoded = _decoder.decode(statistics)
    answering = {broker.nodeid for broker in decoded.brokers.values() if broker.answers}
    known = decoded.topics.get(topic)
    partitions = [p for p in known.partitions.values() if p.desired] if known is not None else []
    connection = Connection(
        up=bool(partitions) and all(partition.leader in answering for partition in partitions),
        # -1 while it is not known.
        lag=sum(max(0, partition.consumer_lag) for partition in partitions),
    )
    metrics.FEED_UP.set(connection.up)
    metrics.FEED_LAG.set(connection.lag)
    return connection
