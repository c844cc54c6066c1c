"""A worker that is told to stop does so within seconds, whatever of its servers is away and in whatever way."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.embedded.ports import choose_port
from postpulse.kafka.admin import apply_topics
from postpulse.settings import IdsSettings, KafkaSettings, MongoSettings, Settings
from tests.pipeline import Pipeline

_STOP_SECONDS = 10.0
Servers = tuple[EmbeddedKafka, EmbeddedMongo]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """A broker and a mongod of the test's own, to be taken away."""
    ports = random.randint(20_000, 31_999)
    broker = EmbeddedKafka(tmp_path / "kafka", ports=[ports])
    mongo = EmbeddedMongo(tmp_path / "mongo", ports=[ports + 7])
    try:
        broker.start()
        mongo.start()
        yield broker, mongo
    except EmbeddedError as exc:
        pytest.skip(f"the servers cannot run here: {exc}")
    finally:
        broker.kill_all()
        mongo.kill_all()


def _settings(bootstrap_servers: str, mongo_uri: str) -> Settings:
    # The test's own client would look for its server for half a minute when it is closed; the worker's has a
    # limit of its own.
    mongo_uri += "&serverSelectionTimeoutMS=500"
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=bootstrap_servers, partitions=3),
        mongo=MongoSettings.model_validate({"uri": mongo_uri}),
        ids=IdsSettings.model_validate({"keys": "0123456789abcdef"}),
    )


def _seconds_to_stop(pipeline: Pipeline) -> float:
    (worker,) = pipeline.workers
    before = time.monotonic()
    assert pipeline.stop(worker) == 0, pipeline.log_of(worker)
    return time.monotonic() - before


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_in_the_middle_of_its_work(servers: Servers, tmp_path: Path, how: str) -> None:
    broker, mongo = servers
    pipeline = Pipeline(_settings(broker.bootstrap_servers, mongo.uri), tmp_path)
    try:
        apply_topics(pipeline.settings.kafka)
        pipeline.start_worker(POSTPULSE_WORKER_BATCH_MAX_RECORDS="50")
        pipeline.send(*(pipeline.post(f"Post number {n}.") for n in range(5000)))
        pipeline.wait_analyzed(500)
        for server in (mongo, broker):
            for child in server.children:
                _take_away(child.pid, how)
        assert _seconds_to_stop(pipeline) < _STOP_SECONDS
    finally:
        broker.kill_all()
        mongo.kill_all()
        pipeline.close()


def _take_away(pid: int | None, how: str) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGSTOP)


def test_before_there_were_any_servers(tmp_path: Path) -> None:
    kafka_port, mongo_port = choose_port(()), choose_port(())
    settings = _settings(f"127.0.0.1:{kafka_port}", f"mongodb://127.0.0.1:{mongo_port}/?replicaSet=rs0")
    pipeline = Pipeline(settings, tmp_path)
    try:
        worker = pipeline.start_worker()
        pipeline.wait_for("it to wait", lambda: "waiting for Kafka" in pipeline.log_of(worker))
        assert _seconds_to_stop(pipeline) < _STOP_SECONDS
    finally:
        pipeline.close()
