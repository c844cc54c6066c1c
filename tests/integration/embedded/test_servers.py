"""The embedded servers are the real ones, and keep what they have acknowledged."""

import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from pymongo import MongoClient, WriteConcern

from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.embedded.ports import choose_port, choose_ports
from postpulse.settings import Settings
from postpulse.topics import DEAD_LETTERS


class _Rude(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def somebody_else_on(port: int) -> Iterator[None]:
    """Another program that listens there, and hangs up on everybody."""
    server = _Rude(("127.0.0.1", port), socketserver.BaseRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def first_choice(port: int) -> Callable[..., int]:
    """A choice of ports whose first one has been taken by the time it is used."""
    choices = iter([port])

    def choose(*preferred: Iterable[int], **refused: Iterable[int]) -> int:
        return next(choices, None) or choose_port(*preferred, **refused)

    return choose


def create_topic(servers: str, replicas: int, **config: str) -> None:
    topic = NewTopic("kept", num_partitions=1, replication_factor=replicas, config=config)
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    admin.create_topics([topic])["kept"].result(20)


def send(servers: str, *values: bytes) -> None:
    """Send and wait for every acknowledgement."""
    acknowledged: list[object] = []
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "acks": "all",
            "enable.idempotence": True,
            "message.max.bytes": 32 * 1024 * 1024,
            "delivery.timeout.ms": 30_000,
            "log_level": 0,
        }
    )
    for value in values:
        producer.produce("kept", value, on_delivery=lambda error, _: acknowledged.append(error))
    assert producer.flush(40) == 0
    assert acknowledged == [None] * len(values)


def stored(servers: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "reader", "log_level": 0})
    consumer.assign([TopicPartition("kept", 0, 0)])
    values: list[bytes] = []
    while len(values) < count:
        messages = consumer.consume(count, timeout=20)
        assert messages, f"only {len(values)} of {count}"
        values += [message.value() or b"" for message in messages]
    consumer.close()
    return values


def test_a_test_gets_servers_and_names_of_its_own(settings: Settings) -> None:
    assert settings.kafka.topic_prefix
    with MongoClient[dict[str, int]](settings.mongo.uri.get_secret_value()) as client:
        with client.start_session() as session, session.start_transaction():
            client[settings.mongo.database]["things"].insert_one({"_id": 1}, session=session)
        assert client[settings.mongo.database]["things"].count_documents({}) == 1


def test_acknowledged_records_survive_a_kill_and_a_move_to_another_port(tmp_path: Path) -> None:
    largest = b"x" * (DEAD_LETTERS.max_message_bytes - 200)
    kafka = EmbeddedKafka(tmp_path, ports=choose_ports(1))
    kafka.start()
    try:
        servers = kafka.bootstrap_servers
        limit = {"max.message.bytes": str(DEAD_LETTERS.max_message_bytes)}
        create_topic(servers, 1, **limit)
        admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        assert admin.list_topics("unheard-of", timeout=10).topics["unheard-of"].error is not None
        assert "unheard-of" not in admin.list_topics(timeout=10).topics
        send(servers, b"first", largest)
        kafka.kill(0)
        kafka.restart(0)
        assert stored(servers, 2) == [b"first", largest]
        kafka.kill(0)
        with somebody_else_on(int(servers.rpartition(":")[2])):
            again = EmbeddedKafka(tmp_path, ports=choose_ports(1))
            again.start()
            try:
                assert again.bootstrap_servers != servers
                assert stored(again.bootstrap_servers, 2) == [b"first", largest]
                again.stop()
                assert again.children[0].ending == "exited with code 143"
            finally:
                again.kill_all()
    finally:
        kafka.kill_all()


def test_another_clusters_broker_is_not_taken_for_ours(
    kafka_broker: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(kafka_broker.bootstrap_servers.rpartition(":")[2])
    monkeypatch.setattr("postpulse.embedded.kafka.choose_port", first_choice(taken))
    ours = EmbeddedKafka(tmp_path, ports=choose_ports(1))
    ours.start()
    try:
        assert ours.bootstrap_servers != kafka_broker.bootstrap_servers
        create_topic(ours.bootstrap_servers, 1)
    finally:
        ours.kill_all()


def test_three_brokers_go_on_when_one_is_killed(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path, brokers=3, ports=choose_ports(3))
    kafka.start()
    try:
        create_topic(kafka.bootstrap_servers, 3)
        send(kafka.bootstrap_servers, b"one")
        kafka.kill(0)
        send(kafka.bootstrap_servers, b"two")
        kafka.restart(0)
        kafka.kill(1)
        send(kafka.bootstrap_servers, b"three")
        assert stored(kafka.bootstrap_servers, 3) == [b"one", b"two", b"three"]
        with pytest.raises(EmbeddedError, match="3 broker"):
            EmbeddedKafka(tmp_path, brokers=1).start()
    finally:
        kafka.kill_all()


def test_mongod_keeps_what_it_has_acknowledged_and_moves_to_another_port(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path, ports=choose_ports(1))
    mongo.start()
    try:
        with MongoClient[dict[str, int]](mongo.uri, w="majority") as client:
            client["kept"]["things"].insert_one({"_id": 1})
        mongo.kill(0)
        mongo.restart(0)
        with MongoClient[dict[str, int]](mongo.uri, w="majority") as client:
            client["kept"]["things"].insert_one({"_id": 2})
        mongo.stop()
        assert mongo.children[0].ending == "exited with code 0"
        port = int(mongo.addresses[0].rpartition(":")[2])
        with somebody_else_on(port):
            again = EmbeddedMongo(tmp_path, ports=choose_ports(1))
            again.start()
            try:
                assert again.uri != mongo.uri
                with MongoClient[dict[str, int]](again.uri) as client:
                    assert client["kept"]["things"].count_documents({}) == 2
                again.stop()
            finally:
                again.kill_all()
    finally:
        mongo.kill_all()


def test_another_programs_mongod_is_not_taken_for_ours(
    mongo_server: EmbeddedMongo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(mongo_server.addresses[0].rpartition(":")[2])
    monkeypatch.setattr("postpulse.embedded.mongod.choose_port", first_choice(taken))
    ours = EmbeddedMongo(tmp_path, ports=choose_ports(1))
    ours.start()
    try:
        assert ours.uri != mongo_server.uri
        with MongoClient[dict[str, int]](mongo_server.uri) as client:
            assert client.admin.command("replSetGetConfig")["config"]["version"] == 1
    finally:
        ours.kill_all()


def test_three_members_go_on_when_one_is_killed(tmp_path: Path) -> None:
    mongo = EmbeddedMongo(tmp_path, members=3, ports=choose_ports(3))
    mongo.start()
    try:
        with MongoClient[dict[str, int]](mongo.uri) as client:
            things = client["kept"]["things"].with_options(
                write_concern=WriteConcern("majority", wtimeout=20_000)
            )
            things.insert_one({"_id": 1})
            mongo.kill(0)
            things.insert_one({"_id": 2})
            mongo.restart(0)
            assert things.count_documents({}) == 2
        mongo.stop()
    finally:
        mongo.kill_all()
