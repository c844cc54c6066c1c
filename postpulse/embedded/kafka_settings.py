"""The settings of an embedded broker, as the text of its `server.properties`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from postpulse.embedded.ports import HOST
from postpulse.topics import TOPICS


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where one node listens, on 127.0.0.1.

    Attributes:
        client_port: for clients and for the other brokers.
        controller_port: for the other controllers.
        outside_port: for clients that come another way; None where there is none.
        way_in: the port that is told to those: what connects to it reaches `outside_port`.
    """

    client_port: int
    controller_port: int
    outside_port: int | None = None
    way_in: int | None = None


def broker_properties(index: int, addresses: Sequence[BrokerAddress], log_dir: Path) -> str:
    """The settings of one node.

    Args:
        index: of the node, from 0.
        addresses: of all nodes, in order.
        log_dir: of its data.
    """
    voters = ",".join(
        f"{node_id}@{HOST}:{address.controller_port}" for node_id, address in enumerate(addresses, start=1)
    )
    here = addresses[index]
    listeners = [f"CLIENT://{HOST}:{here.client_port}"]
    advertised = [*listeners]
    if here.outside_port is not None:
        listeners.append(f"OUTSIDE://{HOST}:{here.outside_port}")
        advertised.append(f"OUTSIDE://{HOST}:{here.way_in}")
    settings = {
        "process.roles": "broker,controller",
        "node.id": index + 1,
        "controller.quorum.voters": voters,
        "listeners": ",".join([*listeners, f"CONTROLLER://{HOST}:{here.controller_port}"]),
        "advertised.listeners": ",".join(advertised),
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": log_dir,
        **_COMMON,
        **_replication(len(addresses)),
        **_record_size(),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


#: The same for every node: small threads pools and buffers, and no waiting that a handful of clients does
#: not need.
_COMMON = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 2000,
    # A broker that was killed may come back as soon as its session is over.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "offsets.topic.num.partitions": 6,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.num.partitions": 1,
    # A pipeline that was not started for a month must find where it was.
    "offsets.retention.minutes": 5 * 365 * 24 * 60,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "num.replica.fetchers": 1,
    "log.cleaner.enable": "true",
    "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,
}


def _replication(brokers: int) -> dict[str, int]:
    replicas = min(3, brokers)
    in_sync = min(2, brokers)
    return {
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def _record_size() -> dict[str, int]:
    """What lets the largest record of any topic through every buffer on its way."""
    largest = max(topic.max_message_bytes for topic in TOPICS)
    return {
        "message.max.bytes": largest,
        "replica.fetch.max.bytes": largest,
        "replica.fetch.response.max.bytes": 2 * largest,
        "socket.request.max.bytes": 6 * largest,
    }
