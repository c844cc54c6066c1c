"""What a stack is made of, and the settings that follow from it for its services."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from postpulse.embedded.data_dir import ids_key
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.settings import Settings, variable_name

#: (section, name) of a setting -> its value as text.
Decisions = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What to start, and where.

    Attributes:
        host, port: of the APIs.
        workers: processes of stream processors.
        brokers, mongo_members: 1, or 3 for a cluster; 0 where the settings name servers elsewhere.
        api_command, worker_command: the argument lists of both services.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    brokers: int = 1
    mongo_members: int = 1
    api_command: Sequence[str] = (sys.executable, "-m", "postpulse", "serve", "all")
    worker_command: Sequence[str] = (sys.executable, "-m", "postpulse", "worker")

    @property
    def address(self) -> str:
        """Where clients on this machine reach the APIs."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}"


def decide(
    options: StackOptions,
    settings: Settings,
    kafka: EmbeddedKafka | None,
    mongo: EmbeddedMongo | None,
) -> Decisions:
    """The settings that the stack decides. Everything else stays as the user has it."""
    decided: Decisions = {
        ("http", "host"): options.host,
        ("http", "port"): str(options.port),
    }
    if not settings.ids.keys:
        decided["ids", "keys"] = ids_key(options.data_dir)
    if "directory" not in settings.spool.model_fields_set:
        decided["spool", "directory"] = str(options.data_dir / "spool")
    if kafka is not None:
        decided["kafka", "bootstrap_servers"] = kafka.bootstrap_servers
        decided["kafka", "security_protocol"] = "PLAINTEXT"
        if not {"replication_factor", "min_insync_replicas"} & settings.kafka.model_fields_set:
            decided["kafka", "replication_factor"] = str(min(3, options.brokers))
            decided["kafka", "min_insync_replicas"] = str(min(2, options.brokers))
    if mongo is not None:
        decided["mongo", "uri"] = mongo.uri
        if "text_index" not in settings.mongo.model_fields_set:
            # For people who try things: here it is few posts that it slows down.
            decided["mongo", "text_index"] = "on"
    if "shutdown_grace_seconds" not in settings.http.model_fields_set:
        # Within the time that the whole stop may take.
        decided["http", "shutdown_grace_seconds"] = "2"
    return decided


def environment(decided: Decisions) -> dict[str, str]:
    """The decisions as environment variables."""
    return {variable_name(*setting): value for setting, value in decided.items()}


def worker_variables(settings: Settings, number: int) -> dict[str, str]:
    """What the nth of several workers on one machine (from 1) has for itself: a fixed metrics port counts up."""
    first = settings.worker.metrics_port
    return {variable_name("worker", "metrics_port"): str(first + number - 1)} if first else {}


def effective(settings: Settings, decided: Decisions) -> Settings:
    """The settings with the decisions in force, as the services will read them."""
    sections = {}
    for section in {section for section, _ in decided}:
        before = getattr(settings, section)
        changes = {name: value for (where, name), value in decided.items() if where == section}
        sections[section] = type(before).model_validate({**before.model_dump(), **changes})
    return settings.model_copy(update=sections)
