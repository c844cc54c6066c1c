"""The dashboard while MongoDB or Kafka does not answer; on servers of its own."""

import asyncio
import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.settings import HttpSettings, IdsSettings, KafkaSettings, MongoSettings, Settings
from tests.e2e.dashboard.conftest import Server
from tests.integration.postpulse.broker import frozen, started


@pytest.fixture
def own_mongo(tmp_path: Path) -> Iterator[EmbeddedMongo]:
    mongo = EmbeddedMongo(tmp_path / "mongo", ports=[random.randint(20_000, 31_999)])
    with started(mongo):
        yield mongo


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    broker = EmbeddedKafka(tmp_path / "kafka", ports=[random.randint(20_000, 31_999)])
    with started(broker):
        yield broker


@pytest.fixture
def settings(own_broker: EmbeddedKafka, own_mongo: EmbeddedMongo) -> Settings:
    """In place of the session's: what is taken away here, no other test uses."""
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=own_broker.bootstrap_servers, partitions=1),
        mongo=MongoSettings.model_validate({"uri": own_mongo.uri, "database": "dashboard"}),
        http=HttpSettings(port=0),
        ids=IdsSettings.model_validate({"keys": secrets.token_hex(16)}),
    )


async def test_what_does_not_answer_is_told_until_it_does(
    own_broker: EmbeddedKafka, own_mongo: EmbeddedMongo, server: Server, page: Page
) -> None:
    await server.send("Before.")
    trouble, posts, live = page.get_by_role("alert"), page.locator("#posts-list"), page.locator("#live")
    health = page.locator("#health-rows li[data-state=failing]")
    await expect(posts).to_contain_text("Before.")

    gone = frozen(own_mongo)
    await asyncio.to_thread(gone.__enter__)
    await expect(trouble).to_contain_text("The database cannot be reached")
    await expect(health).to_contain_text("MongoDB")
    # What was there is still to be seen.
    await expect(posts).to_contain_text("Before.")
    await asyncio.to_thread(gone.__exit__, None, None, None)
    await expect(trouble).to_be_hidden()

    gone = frozen(own_broker)
    await asyncio.to_thread(gone.__enter__)
    await expect(live).to_have_text("Standing still")
    await expect(trouble).to_contain_text("Kafka does not answer")
    await expect(trouble).to_contain_text("The lag is not known")
    await asyncio.to_thread(gone.__exit__, None, None, None)
    await expect(trouble).to_be_hidden()
    await expect(live).to_have_text("Live")
    await server.send("After.")
    await expect(posts).to_contain_text("After.")
