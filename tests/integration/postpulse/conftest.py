"""Publishers, closed at the end."""

from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from postpulse.kafka.publisher import Patience, Publisher
from postpulse.settings import KafkaSettings


class NewPublisher(Protocol):
    def __call__(self, settings: KafkaSettings, patience: Patience | None = None) -> Publisher: ...


@pytest.fixture
async def new_publisher() -> AsyncIterator[NewPublisher]:
    """`new_publisher(settings, patience)`: one that is started, and closed at the end at the latest."""
    made: list[Publisher] = []

    def start(settings: KafkaSettings, patience: Patience | None = None) -> Publisher:
        publisher = Publisher(settings, "tests", patience)
        publisher.start()
        made.append(publisher)
        return publisher

    yield start
    for publisher in made:
        await publisher.close()
