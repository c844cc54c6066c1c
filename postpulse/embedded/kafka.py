"""Apache Kafka as child processes: one broker, or a small cluster, on 127.0.0.1.

Every node is broker and controller in one (KRaft). What a broker has acknowledged survives the kill of its
process, since it lies in the system's page cache; it does not survive a power cut of a lone broker.
"""

import base64
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from postpulse.embedded import start_cache
from postpulse.embedded.child import Child, Recorder
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.jars import Progress, provide_jars
from postpulse.embedded.java import find_java
from postpulse.embedded.kafka_settings import BrokerAddress, broker_properties
from postpulse.embedded.ports import HOST, WayIn, accepts, choose_port, is_free
from postpulse.embedded.state import read_json, write_json

USUAL_PORT = 9092
_PORT_ATTEMPTS = 3
_JVM_OPTIONS = (
    # A small heap that grows when needed; the quick compiler alone: a development machine runs this beside
    # everything else.
    "-Xms96m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    # Each prints all settings in force, several times a start.
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
)


class EmbeddedKafka:
    """A broker, or a cluster of them, with its data in one directory.

    Args:
        data_dir: everything it keeps; made if it is not there. Found again by the next start.
        brokers: 1, or 3 or more for a cluster that survives the loss of one.
        ports: where clients are served if these are free; None prefers 9092 and what follows it. Ports
            once chosen are kept in `data_dir` for as long as they are free.
        log_dir: of the log files; None puts them into `data_dir`.
        progress: told of every jar that is fetched.
        jvm_options: further options of Java; None uses its cache for quick starts if there is one.
        recorder: told of every process before it runs.
        way_in: makes another way to a port, and returns the port at which that begins. Each broker then has a
            listener for it, which tells clients to come that way (`outside_servers`).
    """

    def __init__(
        self,
        data_dir: Path,
        brokers: int = 1,
        ports: Sequence[int] | None = None,
        log_dir: Path | None = None,
        progress: Progress | None = None,
        jvm_options: Sequence[str] | None = None,
        recorder: Recorder | None = None,
        way_in: WayIn | None = None,
    ) -> None:
        if brokers < 1 or brokers == 2:
            raise ValueError("brokers must be 1, or 3 or more: two cannot survive the loss of one")
        self.data_dir = data_dir
        self._brokers = brokers
        self._preferred = tuple(ports) if ports else tuple(range(USUAL_PORT, USUAL_PORT + brokers))
        self._log_dir = log_dir or data_dir / "logs"
        self._progress = progress
        self._jvm_options = jvm_options
        self._recorder = recorder
        self._way_in = way_in
        self._addresses: list[BrokerAddress] = []
        self._children: list[Child] = []

    @property
    def children(self) -> list[Child]:
        """The process of each broker, in order; empty before the first start."""
        return list(self._children)

    @property
    def bootstrap_servers(self) -> str:
        """For clients: `host:port` of each broker, comma-separated."""
        return ",".join(f"{HOST}:{address.client_port}" for address in self._addresses)

    @property
    def outside_servers(self) -> str:
        """The same for clients that come by the other way."""
        return ",".join(f"{HOST}:{address.way_in}" for address in self._addresses)

    @property
    def outside_ports(self) -> list[int]:
        """To which the other way leads, of each broker, in order; empty where there is none."""
        return [address.outside_port for address in self._addresses if address.outside_port is not None]

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start every broker and wait until all of them serve clients.

        Raises:
            EmbeddedError: it cannot run here, or does not answer in time; the message says why.
        """
        try:
            self._prepare()
        except OSError as exc:
            raise EmbeddedError(f"Kafka's data directory {self.data_dir} cannot be used: {exc}") from exc
        for attempt in range(_PORT_ATTEMPTS):
            self._configure()
            for child in self._children:
                child.start()
            try:
                self._await_cluster(time.monotonic() + timeout_seconds)
            except BaseException as exc:
                self.kill_all()
                # Between the choice of a port and its use another program may have taken it.
                lost_port = not all(map(is_free, self._ports()))
                if isinstance(exc, EmbeddedError) and lost_port and attempt < _PORT_ATTEMPTS - 1:
                    continue
                raise
            return

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Stop every broker cleanly; those that take longer than the grace are killed."""
        deadline = time.monotonic() + grace_seconds
        # All at once: the last node of a cluster that is stopped one by one waits for a majority that is gone.
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop(max(0.1, deadline - time.monotonic()))

    def kill(self, broker: int) -> None:
        """SIGKILL to one broker, counted from 0."""
        self._children[broker].kill()

    def kill_all(self) -> None:
        """SIGKILL to every broker."""
        for child in self._children:
            child.kill()

    def restart(self, broker: int, timeout_seconds: float = 60.0) -> None:
        """Start one broker again, after it was killed or has died, and wait until the cluster is whole.

        Raises:
            EmbeddedError: it does not answer in time.
        """
        self._children[broker].stop()
        self._children[broker].start()
        self._await_cluster(time.monotonic() + timeout_seconds)

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        state = read_json(self._state_path)
        kept = state.get("brokers", self._brokers)
        if kept != self._brokers:
            raise EmbeddedError(
                f"{self.data_dir} holds the data of {kept} broker(s), and {self._brokers} were asked for:"
                f" start with {kept}, or with another data directory."
            )
        self._cluster_id = state.get("cluster_id") or _new_cluster_id()
        self._addresses = [BrokerAddress(*pair) for pair in state.get("ports", [])]
        self._java = find_java()
        self._class_path = ":".join(str(jar) for jar in provide_jars(self._progress))
        if self._jvm_options is None:
            self._jvm_options = start_cache.options(self._java)

    def _configure(self) -> None:
        """Choose ports, write down the choice, and make every node's directory ready."""
        kept = self._ports()
        if not kept or not all(is_free(port) for port in kept):
            chosen: list[int] = []
            for preferred in self._preferred[: self._brokers]:
                for candidates in ((preferred,), ()):
                    chosen.append(choose_port(candidates, taken=chosen))
            self._addresses = [BrokerAddress(chosen[i], chosen[i + 1]) for i in range(0, len(chosen), 2)]
        if self._way_in is not None:
            for index, address in enumerate(self._addresses):
                outside = choose_port(taken=self._ports())
                self._addresses[index] = replace(address, outside_port=outside, way_in=self._way_in(outside))
        write_json(
            self._state_path,
            {
                "cluster_id": self._cluster_id,
                "brokers": self._brokers,
                "ports": [[address.client_port, address.controller_port] for address in self._addresses],
            },
        )
        self._children = [self._child(index) for index in range(self._brokers)]
        with ThreadPoolExecutor(self._brokers) as pool:
            list(pool.map(self._format, range(self._brokers)))

    def _ports(self) -> list[int]:
        return [
            port
            for address in self._addresses
            for port in (address.client_port, address.controller_port, address.outside_port)
            if port is not None
        ]

    def _child(self, index: int) -> Child:
        folder = self._node_folder(index)
        folder.mkdir(exist_ok=True)
        self._properties_path(index).write_text(broker_properties(index, self._addresses, folder / "log"))
        return Child(
            f"kafka-{index + 1}",
            self._java_command("kafka.Kafka", self._properties_path(index)),
            self._log_dir / f"kafka-{index + 1}.log",
            folder=folder,
            recorder=self._recorder,
        )

    def _format(self, index: int) -> None:
        """Give a new node's storage the cluster's id. A node that was formatted before is left alone."""
        if (self._node_folder(index) / "log" / "meta.properties").exists():
            return
        tool = Child(
            f"kafka-format-{index + 1}",
            self._java_command(
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                self._cluster_id,
                "--config",
                self._properties_path(index),
                "--ignore-formatted",
            ),
            self._log_dir / f"kafka-format-{index + 1}.log",
            recorder=self._recorder,
        )
        tool.start()
        if not tool.wait(60):
            tool.kill()
        if tool.exit_code != 0:
            raise EmbeddedError(f"Kafka's storage could not be formatted:\n{tool.log_tail()}")

    def _await_cluster(self, deadline: float) -> None:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        # What librdkafka says about brokers that do not answer yet is no news.
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        while True:
            for child in self._children:
                if child.ending is not None:
                    raise EmbeddedError(f"{child.name} {child.ending}:\n{child.log_tail()}")
            # A broker listens once it is registered anew, and is listed once it serves: both, or one that was
            # just killed would be taken for its successor.
            if all(accepts(address.client_port) for address in self._addresses):
                with suppress(KafkaException):
                    cluster = client.list_topics(timeout=0.5)
                    # Another cluster's broker may have taken a port since it was chosen: ours ends soon then.
                    if cluster.cluster_id == self._cluster_id and len(cluster.brokers) == self._brokers:
                        return
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Kafka does not answer in time; {self._children[0].log_path} ends with:\n"
                    f"{self._children[0].log_tail()}"
                )
            time.sleep(0.05)

    def _java_command(self, main_class: str, *arguments: str | Path) -> list[str | Path]:
        options = [*_JVM_OPTIONS, *(self._jvm_options or ())]
        return [self._java, *options, "-cp", self._class_path, main_class, *arguments]

    def _node_folder(self, index: int) -> Path:
        return self.data_dir / f"node-{index + 1}"

    def _properties_path(self, index: int) -> Path:
        return self._node_folder(index) / "server.properties"

    @property
    def _state_path(self) -> Path:
        return self.data_dir / "cluster.json"


def _new_cluster_id() -> str:
    while True:
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # Kafka refuses one that its command line would take for an option.
        if not name.startswith("-"):
            return name
