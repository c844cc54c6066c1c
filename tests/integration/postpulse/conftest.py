"""Publishers, closed at the end."""

from collections.abc import AsyncIterator, Callable

import pytest

from postpulse.kafka.publisher import Publisher
from postpulse.settings import KafkaSettings

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
