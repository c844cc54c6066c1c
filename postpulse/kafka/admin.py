"""Bring the topics on the brokers to what `postpulse.topics` declares, idempotently, and tell what differed."""

from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not so that mypy sees it
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from postpulse.kafka.connection import client_config
from postpulse.settings import KafkaSettings
from postpulse.topics import TOPICS, Topic, topic_name

_TIMEOUT_SECONDS = 30.0


class AdminError(Exception):
    """The brokers could not be asked, or refused."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between a topic as declared and as it is.

    Attributes:
        action: create and config are applied; partitions and replication are only told, since changing them
            moves keys or data and is for an operator to decide.
    """

    topic: str
    action: Literal["create", "config", "partitions", "replication"]
    setting: str
    before: str | None
    after: str

    @property
    def applied(self) -> bool:
        return self.action in ("create", "config")


def admin_client(settings: KafkaSettings) -> AdminClient:
    return AdminClient(client_config(settings, "postpulse-admin"))


def plan_topics(settings: KafkaSettings) -> list[Change]:
    """What `apply_topics` would change, and what it only tells. Blocks.

    Raises:
        AdminError: no broker answers.
    """
    return _plan(admin_client(settings), settings)


def apply_topics(settings: KafkaSettings) -> list[Change]:
    """Create what is missing, set what differs. Blocks; safe to call from several processes at once.

    Returns:
        The differences that were found, those only told included.

    Raises:
        AdminError: no broker answers, or one refuses.
    """
    client = admin_client(settings)
    changes = _plan(client, settings)
    declared = {topic_name(topic, settings): topic for topic in TOPICS}
    created = [change.topic for change in changes if change.action == "create"]
    if created:
        _create(client, settings, [declared[name] for name in created])
    configured: dict[str, list[Change]] = {}
    for change in changes:
        if change.action == "config":
            configured.setdefault(change.topic, []).append(change)
    if configured:
        _configure(client, configured)
    return changes


def _plan(client: AdminClient, settings: KafkaSettings) -> list[Change]:
    try:
        existing = client.list_topics(timeout=_TIMEOUT_SECONDS).topics
    except KafkaException as exc:
        raise AdminError(f"no broker answers at {settings.bootstrap_servers}: {exc.args[0].str()}") from None
    changes: list[Change] = []
    present: list[Topic] = []
    for topic in TOPICS:
        name = topic_name(topic, settings)
        metadata = existing.get(name)
        if metadata is None:
            changes.append(Change(name, "create", "partitions", None, str(settings.partitions)))
            continue
        present.append(topic)
        partitions = len(metadata.partitions)
        if partitions != settings.partitions:
            changes.append(
                Change(name, "partitions", "partitions", str(partitions), str(settings.partitions))
            )
        replicas = min((len(p.replicas) for p in metadata.partitions.values()), default=0)
        if replicas != settings.replication_factor:
            changes.append(
                Change(name, "replication", "replicas", str(replicas), str(settings.replication_factor))
            )
    changes.extend(_config_differences(client, settings, present))
    return changes


def _config_differences(client: AdminClient, settings: KafkaSettings, topics: list[Topic]) -> list[Change]:
    if not topics:
        return []
    resources = {ConfigResource(ResourceType.TOPIC, topic_name(topic, settings)): topic for topic in topics}
    changes: list[Change] = []
    for resource, future in client.describe_configs(list(resources)).items():
        try:
            actual = future.result(_TIMEOUT_SECONDS)
        except KafkaException as exc:
            raise AdminError(f"cannot read the configuration of {resource.name}: {exc}") from None
        for setting, wanted in resources[resource].config(settings).items():
            before = actual[setting].value
            if before != wanted:
                changes.append(Change(resource.name, "config", setting, before, wanted))
    return changes


def _create(client: AdminClient, settings: KafkaSettings, topics: list[Topic]) -> None:
    new = [
        NewTopic(
            topic_name(topic, settings),
            num_partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            config=topic.config(settings),
        )
        for topic in topics
    ]
    for name, future in client.create_topics(new).items():
        try:
            future.result(_TIMEOUT_SECONDS)
        except KafkaException as exc:
            # Another process was faster: that is what idempotent means.
            if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise AdminError(f"cannot create {name}: {exc.args[0].str()}") from None


def _configure(client: AdminClient, changes: dict[str, list[Change]]) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(change.setting, change.after, incremental_operation=AlterConfigOpType.SET)
                for change in wanted
            ],
        )
        for name, wanted in changes.items()
    ]
    for resource, future in client.incremental_alter_configs(resources).items():
        try:
            future.result(_TIMEOUT_SECONDS)
        except KafkaException as exc:
            raise AdminError(f"cannot configure {resource.name}: {exc.args[0].str()}") from None
