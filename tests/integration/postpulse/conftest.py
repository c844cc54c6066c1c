"""Publishers before the session's broker, and a broker of their own for tests that take it away."""

import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.kafka.admin import apply_topics
from postpulse.kafka.publisher import Publisher
from postpulse.settings import KafkaSettings
from tests.integration.postpulse.broker import started

NewPublisher = Callable[[KafkaSettings], Publisher]


@pytest.fixture
async def new_publisher() -> AsyncIterator[NewPublisher]:
    """`new_publisher(settings)`: one that is started; whatever is not closed at the end is closed then."""
    made: list[Publisher] = []

    def start(settings: KafkaSettings) -> Publisher:
        publisher = Publisher(settings, "tests")
        publisher.start()
        made.append(publisher)
        return publisher

    yield start
    for publisher in made:
        await publisher.close()


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker that a test may stop, freeze and start again."""
    broker = EmbeddedKafka(tmp_path_factory.mktemp("kafka"), ports=[random.randint(20_000, 31_999)])
    with started(broker):
        yield broker


@pytest.fixture
def own_settings(own_broker: EmbeddedKafka) -> KafkaSettings:
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
