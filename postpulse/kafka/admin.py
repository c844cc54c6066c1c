"""Bring the topics on the brokers to what `postpulse.topics` declares, idempotently, and tell what differed."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not so that mypy sees it
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from postpulse.kafka.connection import client_config
from postpulse.settings import KafkaSettings
from postpulse.topics import TOPICS, Topic, topic_name

_CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
_T = TypeVar("_T")


class AdminError(Exception):
    """The brokers could not be asked, or refused; `code` is Kafka's, where a broker answered."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


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


def result_of(future: "Future[_T]", action: str) -> _T:
    """What an admin call gives. Blocks.

    Raises:
        AdminError: "cannot <action>: <the reason>".
    """
    try:
        return future.result(ANSWER_SECONDS)
    except KafkaException as exc:
        error = exc.args[0]
        # Some answers of a broker have a name alone.
        raise AdminError(f"cannot {action}: {error.str() or error.name()}", error.code()) from None
    except TimeoutError:
        raise AdminError(f"cannot {action}: no answer within {ANSWER_SECONDS:.0f} s") from None


def existing_topics(client: AdminClient, settings: KafkaSettings) -> dict[str, TopicMetadata]:
    """What is on the brokers, by name, prefix included. Blocks.

    Raises:
        AdminError: no broker answers.
    """
    try:
        return client.list_topics(timeout=_CONNECT_SECONDS).topics
    except KafkaException as exc:
        raise AdminError(f"no broker answers at {settings.bootstrap_servers}: {exc.args[0].str()}") from None


def read_config(settings: KafkaSettings, topics: Iterable[Topic]) -> dict[str, dict[str, str]]:
    """The configuration, as far as it is declared, of those of the topics that are there, by name. Blocks.

    Raises:
        AdminError: the brokers could not be asked.
    """
    client = admin_client(settings)
    existing = existing_topics(client, settings)
    present = [topic for topic in topics if topic_name(topic, settings) in existing]
    return _read_config(client, settings, present)


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
    existing = existing_topics(client, settings)
    changes: list[Change] = []
    present: list[Topic] = []
    for topic in TOPICS:
        name = topic_name(topic, settings)
        metadata = existing.get(name)
        if metadata is None:
            changes.append(Change(name, "create", "partitions", None, str(settings.partitions)))
            continue
        present.append(topic)
        if not metadata.partitions:
            # Another process has created it a moment ago, and this broker does not know more yet.
            continue
        partitions = len(metadata.partitions)
        if partitions != settings.partitions:
            changes.append(
                Change(name, "partitions", "partitions", str(partitions), str(settings.partitions))
            )
        replicas = min(len(p.replicas) for p in metadata.partitions.values())
        if replicas != settings.replication_factor:
            changes.append(
                Change(name, "replication", "replicas", str(replicas), str(settings.replication_factor))
            )
    changes.extend(_config_differences(client, settings, present))
    return changes


def _config_differences(client: AdminClient, settings: KafkaSettings, topics: list[Topic]) -> list[Change]:
    actual = _read_config(client, settings, topics)
    return [
        Change(name, "config", setting, actual[name].get(setting), wanted)
        for topic in topics
        if (name := topic_name(topic, settings)) in actual
        for setting, wanted in topic.config(settings).items()
        if actual[name].get(setting) != wanted
    ]


def _read_config(
    client: AdminClient, settings: KafkaSettings, topics: Sequence[Topic]
) -> dict[str, dict[str, str]]:
    resources = {ConfigResource(ResourceType.TOPIC, topic_name(topic, settings)): topic for topic in topics}
    if not resources:
        return {}
    found: dict[str, dict[str, str]] = {}
    for resource, future in client.describe_configs(list(resources)).items():
        try:
            entries = result_of(future, f"read the configuration of {resource.name}")
        except AdminError as error:
            # Created (as declared) or deleted a moment ago: this broker does not know it.
            if error.code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            continue
        declared = resources[resource].config(settings)
        found[resource.name] = {setting: entries[setting].value for setting in declared if setting in entries}
    return found


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
            result_of(future, f"create {name}")
        except AdminError as error:
            # Another process was faster: that is what idempotent means.
            if error.code != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


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
        result_of(future, f"configure {resource.name}")
