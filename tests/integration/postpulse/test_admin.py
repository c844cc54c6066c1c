"""Topics on a real broker are brought to what is declared, as often as one likes, and differences are told."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from postpulse.kafka import admin
from postpulse.kafka.admin import (
    AdminError,
    Change,
    admin_client,
    apply_topics,
    existing_topics,
    plan_topics,
    read_config,
)
from postpulse.settings import KafkaSettings, Settings
from postpulse.topics import DEAD_LETTERS, POSTS, TOPICS, topic_name
from tests.waiting import wait_until


@pytest.fixture
def kafka(settings: Settings) -> KafkaSettings:
    """A prefix without topics."""
    return settings.kafka


@pytest.fixture
def applied(kafka: KafkaSettings) -> KafkaSettings:
    apply_topics(kafka)
    wait_until("the broker to know its topics", lambda: len(partitions(kafka)) == len(TOPICS))
    return kafka


def partitions(kafka: KafkaSettings) -> dict[str, int]:
    """Of each topic with the prefix."""
    return {
        name: len(found.partitions)
        for name, found in existing_topics(admin_client(kafka), kafka).items()
        if name.startswith(kafka.topic_prefix)
    }


def set_config(kafka: KafkaSettings, name: str, setting: str, value: str) -> None:
    entry = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    client = admin_client(kafka)
    client.incremental_alter_configs([resource])[resource].result(20)


def test_every_topic_is_created_as_declared(kafka: KafkaSettings) -> None:
    wanted = [
        Change(topic_name(topic, kafka), "create", "partitions", None, str(kafka.partitions))
        for topic in TOPICS
    ]
    assert plan_topics(kafka) == wanted
    assert partitions(kafka) == {}
    assert apply_topics(kafka) == wanted
    assert all(change.applied for change in wanted)
    everything = {topic_name(topic, kafka): kafka.partitions for topic in TOPICS}
    wait_until("all partitions", lambda: partitions(kafka) == everything)
    assert read_config(kafka, TOPICS) == {topic_name(topic, kafka): topic.config(kafka) for topic in TOPICS}


def test_applied_again_there_is_nothing_to_do(applied: KafkaSettings) -> None:
    assert apply_topics(applied) == []
    assert plan_topics(applied) == []


def test_several_processes_may_apply_at_once(kafka: KafkaSettings) -> None:
    with ThreadPoolExecutor(8) as pool:
        for changes in pool.map(apply_topics, [kafka] * 8):
            assert {change.action for change in changes} <= {"create"}
    wait_until("nothing to do", lambda: plan_topics(kafka) == [])


def test_a_configuration_that_was_changed_is_set_back(applied: KafkaSettings) -> None:
    posts, letters = topic_name(POSTS, applied), topic_name(DEAD_LETTERS, applied)
    set_config(applied, posts, "cleanup.policy", "delete")
    set_config(applied, posts, "segment.ms", "600000")
    set_config(applied, letters, "retention.ms", "1000")
    differences = [
        Change(posts, "config", "cleanup.policy", "delete", "compact"),
        Change(letters, "config", "retention.ms", "1000", str(DEAD_LETTERS.retention_ms)),
    ]
    wait_until("the difference to be seen", lambda: plan_topics(applied) == differences)
    assert apply_topics(applied) == differences
    wait_until("nothing to do", lambda: plan_topics(applied) == [])
    # What is not declared is the operator's.
    resource = ConfigResource(ResourceType.TOPIC, posts)
    client = admin_client(applied)
    entries = client.describe_configs([resource])[resource].result(20)
    assert entries["segment.ms"].value == "600000"


def test_another_number_of_partitions_or_replicas_is_told_and_not_applied(applied: KafkaSettings) -> None:
    more = applied.model_copy(update={"partitions": 5, "replication_factor": 3})
    told = []
    for topic in TOPICS:
        name = topic_name(topic, applied)
        told.append(Change(name, "partitions", "partitions", "3", "5"))
        told.append(Change(name, "replication", "replicas", "1", "3"))
    assert plan_topics(more) == told
    assert apply_topics(more) == told
    assert not any(change.applied for change in told)
    assert set(partitions(applied).values()) == {3}
    posts = topic_name(POSTS, applied)
    client = admin_client(applied)
    client.create_partitions([NewPartitions(posts, 4)])[posts].result(20)
    grown = [Change(posts, "partitions", "partitions", "4", "3")]
    wait_until("the growth to be seen", lambda: plan_topics(applied) == grown)


def test_a_topic_that_was_lost_is_created_again(applied: KafkaSettings) -> None:
    posts = topic_name(POSTS, applied)
    client = admin_client(applied)
    client.delete_topics([posts])[posts].result(20)
    lost = [Change(posts, "create", "partitions", None, "3")]
    wait_until("the loss to be seen", lambda: plan_topics(applied) == lost)
    assert POSTS.name not in read_config(applied, [POSTS])
    assert apply_topics(applied) == lost
    wait_until("nothing to do", lambda: plan_topics(applied) == [])


def test_what_the_brokers_refuse_is_said(kafka: KafkaSettings) -> None:
    impossible = kafka.model_copy(update={"replication_factor": 7})
    with pytest.raises(AdminError, match=r"cannot create .*: .*[Rr]eplication factor") as caught:
        apply_topics(impossible)
    assert caught.value.code is not None
    assert partitions(kafka) == {}


def test_without_a_broker_its_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_CONNECT_SECONDS", 0.2)
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    for ask in (plan_topics, apply_topics):
        with pytest.raises(AdminError, match=r"no broker answers at 127\.0\.0\.1:1: "):
            ask(nowhere)
