"""The cluster that is hurt: three brokers, three members of MongoDB, ingest APIs and workers, all processes.

Services reach the servers through relays, and so do the members of MongoDB each other. Brokers among each other,
and whoever looks on, go straight.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from bson import ObjectId

from postpulse.chaos.relays import Relays
from postpulse.embedded.child import Child
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.embedded.ports import HOST, choose_ports
from postpulse.embedded.supervisor import Supervisor
from postpulse.kafka.admin import apply_topics
from postpulse.mongo.client import prepare_database
from postpulse.settings import KafkaSettings, MongoSettings, Settings, WorkerSettings

_TICK_SECONDS = 0.1
#: Short, so that a round is: half of production's.
_SESSION_SECONDS = 6.0


class Primary(NamedTuple):
    """A primary of MongoDB, and the id of its election: a later one is greater."""

    child: Child
    election: ObjectId


class Cluster:
    """Servers and services, each kept running by a supervisor as in production.

    Args:
        data_dir: for everything, logs included.
        apis: how many ingest APIs.
        workers: how many workers.
        say: told of deaths and restarts.
    """

    def __init__(self, data_dir: Path, apis: int, workers: int, say: Callable[[str], None]) -> None:
        self._logs = data_dir / "logs"
        self._spools = data_dir / "spools"
        self.relays = Relays()
        self.kafka = EmbeddedKafka(
            data_dir / "kafka",
            brokers=3,
            ports=choose_ports(3),
            log_dir=self._logs,
            way_in=self.relays.open,
        )
        self.mongo = EmbeddedMongo(
            data_dir / "mongo",
            members=3,
            ports=choose_ports(3),
            log_dir=self._logs,
            way_in=self.relays.open,
        )
        self._api_ports = choose_ports(apis)
        self._worker_ports = choose_ports(workers)
        self.apis: list[Child] = []
        self.workers: list[Child] = []
        self.settings = Settings()
        # A child is hurt again and again here; what counts is that it comes back each time.
        self._supervisor = Supervisor(say, healthy_seconds=1.0)
        self._supervising = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._stopping = False
        self.failure: Exception | None = None
        """Why children are no longer kept running."""

    @property
    def addresses(self) -> list[str]:
        """Of the ingest APIs."""
        return [f"http://{HOST}:{port}" for port in self._api_ports]

    @property
    def children(self) -> list[Child]:
        return [*self.apis, *self.workers, *self.kafka.children, *self.mongo.children]

    def start(self) -> None:
        """Start everything; what it takes to be ready is for the judge to wait for.

        Raises:
            EmbeddedError: the servers cannot run here.
        """
        self.mongo.start()
        self.kafka.start()
        kafka = KafkaSettings(
            bootstrap_servers=self.kafka.bootstrap_servers,
            replication_factor=3,
            min_insync_replicas=2,
        )
        mongo = MongoSettings.model_validate({"uri": self.mongo.uri})
        worker = WorkerSettings(session_timeout_seconds=_SESSION_SECONDS)
        self.settings = Settings(kafka=kafka, mongo=mongo, worker=worker)
        apply_topics(kafka)
        asyncio.run(prepare_database(mongo, "postpulse-chaos"))
        variables = {
            **os.environ,
            "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": self.kafka.outside_servers,
            "POSTPULSE_KAFKA_REPLICATION_FACTOR": "3",
            "POSTPULSE_KAFKA_MIN_INSYNC_REPLICAS": "2",
            "POSTPULSE_MONGO_URI": self.mongo.uri,
            "POSTPULSE_WORKER_SESSION_TIMEOUT_SECONDS": str(_SESSION_SECONDS),
            # The same for all of them: an id that one has issued, the others know.
            "POSTPULSE_IDS_KEYS": token_hex(16),
        }
        for number, port in enumerate(self._api_ports, 1):
            command = ["serve", "producer", "--port", str(port)]
            own = {**variables, "POSTPULSE_SPOOL_DIRECTORY": str(self._spools / f"api-{number}")}
            self.apis.append(self._service(f"api-{number}", command, own))
        for number, port in enumerate(self._worker_ports, 1):
            own = {**variables, "POSTPULSE_WORKER_METRICS_PORT": str(port)}
            self.workers.append(self._service(f"worker-{number}", ["worker"], own))
        for child in self.children:
            self._supervisor.watch(child)
        self._supervising.start()

    def stop(self) -> None:
        """End everything that was started."""
        self._stopping = True
        if self._supervising.is_alive():
            self._supervising.join()
        for child in self.children:
            thaw(child)
        for child in (*self.apis, *self.workers):
            child.ask_to_stop()
        for child in (*self.apis, *self.workers):
            child.stop(8)
        self.kafka.stop(8)
        self.mongo.stop(8)
        self.relays.close()

    def relayed_port(self, server: Child) -> int:
        """Of a broker or a member of MongoDB: the port to which its relay leads."""
        servers = [*self.kafka.children, *self.mongo.children]
        return [*self.kafka.outside_ports, *self.mongo.ports][servers.index(server)]

    def primary(self) -> Primary | None:
        """The member of MongoDB that is the primary now; None where there is none. Blocks."""
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        found: list[Primary] = []
        for port, child in zip(self.mongo.ports, self.mongo.children, strict=True):
            with (
                suppress(PyMongoError),
                MongoClient[dict[str, Any]](
                    HOST, port, directConnection=True, serverSelectionTimeoutMS=500
                ) as client,
            ):
                hello = client.admin.command("hello")
                if hello["isWritablePrimary"]:
                    found.append(Primary(child, hello["electionId"]))
        # One that has not heard of its successor believes that it is one still.
        return max(found, key=attrgetter("election"), default=None)

    def _service(self, name: str, command: list[str], variables: dict[str, str]) -> Child:
        child = Child(
            name, [sys.executable, "-m", "postpulse", *command], self._logs / f"{name}.log", variables
        )
        child.start()
        return child

    def _supervise(self) -> None:
        while not self._stopping:
            try:
                self._supervisor.check()
            except Exception as exc:
                self.failure = exc
                return
            time.sleep(_TICK_SECONDS)


def freeze(child: Child) -> None:
    """SIGSTOP: the process stands still, and knows nothing of it."""
    if child.pid is not None and child.is_running:
        os.kill(child.pid, signal.SIGSTOP)


def thaw(child: Child) -> None:
    """SIGCONT; nothing to one that is not frozen."""
    if child.pid is not None and child.is_running:
        os.kill(child.pid, signal.SIGCONT)
