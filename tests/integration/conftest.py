"""Servers and databases that a test has for itself."""

import random
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import Document, apply_collections
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.kafka.admin import apply_topics
from postpulse.mongo.client import connect
from postpulse.settings import KafkaSettings, MongoSettings
from tests.integration.postpulse.broker import started


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker that a test may stop, freeze and start again."""
    broker = EmbeddedKafka(tmp_path_factory.mktemp("kafka"), ports=[random.randint(20_000, 31_999)])
    with started(broker):
        yield broker


@pytest.fixture
def own_kafka(own_broker: EmbeddedKafka) -> KafkaSettings:
    """Of the broker of one's own, with topics that no other test has; sends fail after two seconds."""
    if not own_broker.children[0].is_running:
        own_broker.restart(0)
    settings = KafkaSettings(
        bootstrap_servers=own_broker.bootstrap_servers,
        topic_prefix=f"t{secrets.token_hex(4)}.",
        partitions=1,
        delivery_timeout_seconds=2.0,
    )
    apply_topics(settings)
    return settings


@pytest.fixture
async def database(mongo_server: EmbeddedMongo) -> AsyncIterator[AsyncDatabase[Document]]:
    """A database of the test's own, its collections there."""
    client = connect(MongoSettings.model_validate({"uri": mongo_server.uri}), "tests")
    made = client[f"t{secrets.token_hex(4)}"]
    await apply_collections(made)
    yield made
    await client.drop_database(made.name)
    await client.close()
