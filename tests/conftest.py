"""The real servers, once a session and only when a test asks; settings of its own for every test."""

import asyncio
import os
import random
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from pymongo import MongoClient

from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.kafka.admin import apply_topics
from postpulse.mongo.client import prepare_database
from postpulse.settings import (
    HttpSettings,
    IdsSettings,
    KafkaSettings,
    MongoSettings,
    Settings,
)
from tests.pipeline import Pipeline

_ROOT = Path(__file__).resolve().parents[1]
_APIS = tuple(
    _ROOT / "tests" / folder for folder in ("contract", "integration/producer_api", "integration/query_api")
)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each service on the event loop that it runs on in production."""
    if item.path.parent in _APIS:
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    """What the developer's shell says about a pipeline must not reach the tests."""
    for variable in [name for name in os.environ if name.startswith("POSTPULSE_")]:
        if not variable.startswith("POSTPULSE_TEST_"):
            del os.environ[variable]


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_heeded() -> None:
    """A shell lets what it runs in the background ignore Ctrl-C, and so would all programs that tests interrupt."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of public test sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("POSTPULSE_TEST_DATA") or _ROOT.parent / "shared" / "data")
    if not (folder / "languages").is_dir():
        pytest.skip(f"no test data at {folder}; POSTPULSE_TEST_DATA names the folder")
    return folder


@pytest.fixture(scope="session")
def tweets(test_data: Path) -> list[str]:
    """The texts of 4,200 tweets."""
    lines = (test_data / "tweets" / "tweets_GroundTruth.txt").read_text("utf-8", "replace").splitlines()
    return [line.split("\t", 2)[2] for line in lines]


@pytest.fixture(scope="session")
def novel(test_data: Path) -> str:
    """Pride and Prejudice, 0.7 MB."""
    return (test_data / "prose" / "pride-and-prejudice.txt").read_text("utf-8")


@pytest.fixture(scope="session")
def server_data() -> Iterator[Path]:
    """Where the session's servers keep their data; removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="postpulse-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_broker(server_data: Path) -> Iterator[EmbeddedKafka]:
    """One Apache Kafka broker for the whole session."""
    broker = EmbeddedKafka(server_data / "kafka", ports=[random.randint(20_000, 31_999)])
    try:
        broker.start()
    except EmbeddedError as exc:
        pytest.skip(f"Kafka cannot run here: {exc}")
    yield broker
    # With the topics of a thousand tests an orderly end takes its time, for data that goes with it.
    broker.kill_all()


@pytest.fixture(scope="session")
def mongo_server(server_data: Path) -> Iterator[EmbeddedMongo]:
    """One mongod, as a replica set of one, for the whole session."""
    server = EmbeddedMongo(server_data / "mongo", ports=[random.randint(20_000, 31_999)])
    try:
        server.start()
    except EmbeddedError as exc:
        pytest.skip(f"mongod cannot run here: {exc}")
    yield server
    server.kill_all()


@pytest.fixture
def settings(kafka_broker: EmbeddedKafka, mongo_server: EmbeddedMongo) -> Iterator[Settings]:
    """Settings for both servers, with topics, consumer groups and a database that no other test has."""
    own = f"t{secrets.token_hex(4)}"
    yield Settings(
        kafka=KafkaSettings(
            bootstrap_servers=kafka_broker.bootstrap_servers, topic_prefix=f"{own}.", partitions=3
        ),
        mongo=MongoSettings.model_validate({"uri": mongo_server.uri, "database": own}),
        http=HttpSettings(port=0),
        ids=IdsSettings.model_validate({"keys": secrets.token_hex(16)}),
    )
    with MongoClient[dict[str, object]](mongo_server.uri) as client:
        # A killed worker's transaction would be waited for, for a minute.
        client.admin.command("killAllSessions", [])
        client.drop_database(own)


@pytest.fixture
async def _prepared(settings: Settings) -> None:
    apply_topics(settings.kafka)
    await prepare_database(settings.mongo, "tests")


@pytest.fixture
def pipeline(settings: Settings, _prepared: None, tmp_path: Path) -> Iterator[Pipeline]:
    """Topics and collections are there; no worker runs yet."""
    made = Pipeline(settings, tmp_path)
    yield made
    made.close()
