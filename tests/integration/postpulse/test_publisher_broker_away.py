"""The publisher while its broker is killed or frozen, and after."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from prometheus_client import REGISTRY

from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.kafka.publisher import BrokerUnavailableError, LateError, Patience, Publisher, PublishError
from postpulse.settings import KafkaSettings
from tests.integration.postpulse.broker import frozen, records, stored
from tests.integration.postpulse.conftest import NewPublisher
from tests.waiting import until

#: librdkafka looks for records that are late once a second, and the reports are polled.
_LATE_SECONDS = 2.5


async def sends(publisher: Publisher, settings: KafkaSettings, value: bytes) -> bool:
    try:
        await publisher.send(records(settings, [value])[0])
    except PublishError:
        return False
    return True


async def until_it_sends(publisher: Publisher, settings: KafkaSettings, value: bytes) -> None:
    again: Callable[[], bool | Awaitable[bool]] = partial(sends, publisher, settings, value)
    await until("sends to go through", again)


async def test_a_frozen_broker_fails_sends_in_time_and_thawed_it_takes_them(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(own_kafka)
    await until_it_sends(publisher, own_kafka, b"before")
    with frozen(own_broker):
        begun = time.monotonic()
        results = await publisher.send_all(records(own_kafka, [b"lost 1", b"lost 2"]))
        took = time.monotonic() - begun
    assert [type(result) for result in results] == [PublishError] * 2
    assert own_kafka.delivery_timeout_seconds <= took < own_kafka.delivery_timeout_seconds + _LATE_SECONDS
    await until_it_sends(publisher, own_kafka, b"after")
    values = stored(own_kafka)
    assert values[0] == b"before"
    assert values[-1] == b"after"
    # They may have reached the broker, but never twice.
    assert values.count(b"lost 1") <= 1
    assert values.count(b"lost 2") <= 1


async def test_whoever_has_no_patience_is_told_that_it_is_late_and_the_record_comes_all_the_same(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    slow = own_kafka.model_copy(update={"delivery_timeout_seconds": 60.0})
    can_wait_elsewhere = False
    publisher = new_publisher(slow, Patience(0.3, lambda: can_wait_elsewhere))
    await until_it_sends(publisher, slow, b"before")
    with frozen(own_broker):
        waiting = asyncio.create_task(publisher.send(records(slow, [b"zero"])[0]))
        assert not (await asyncio.wait([waiting], timeout=1))[0]
        can_wait_elsewhere = True
        begun = time.monotonic()
        patient = asyncio.create_task(publisher.send_all(records(slow, [b"patient"]), patient=True))
        zero, one, (two, three) = await asyncio.gather(
            waiting,
            publisher.send(records(slow, [b"one"])[0]),
            publisher.send_all(records(slow, [b"two", b"three"])),
            return_exceptions=True,
        )
        assert [type(each) for each in (zero, one, two, three)] == [LateError] * 4
        assert 0.3 <= time.monotonic() - begun < 5
        assert not patient.done()
    assert await patient == [None]
    await until_it_sends(publisher, slow, b"after")
    # The first and the last may have been late too, and sent again.
    order = list(dict.fromkeys(stored(slow)))
    assert order == [b"before", b"zero", b"patient", b"one", b"two", b"three", b"after"]


async def test_a_dead_broker_is_noticed_and_so_is_its_return(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(own_kafka)
    await until_it_sends(publisher, own_kafka, b"before")
    own_broker.kill(0)
    try:
        await until("the loss to be noticed", lambda: not publisher.available)
        assert REGISTRY.get_sample_value("postpulse_broker_reachable") == 0
        begun = time.monotonic()
        with pytest.raises(BrokerUnavailableError):
            await publisher.send_all(records(own_kafka, [b"nowhere to go"]))
        with pytest.raises(BrokerUnavailableError):
            await publisher.publish(records(own_kafka, [b"nowhere to go"] * 500))
        assert time.monotonic() - begun < 0.5
    finally:
        await asyncio.to_thread(own_broker.restart, 0)
    # Nobody sends; it is looked for.
    await until("the return to be noticed", lambda: publisher.available)
    assert REGISTRY.get_sample_value("postpulse_broker_reachable") == 1
    assert await sends(publisher, own_kafka, b"after")
    assert stored(own_kafka) == [b"before", b"after"]


async def test_records_under_way_outlive_a_short_absence(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    patient = own_kafka.model_copy(update={"delivery_timeout_seconds": 60.0, "linger_ms": 0.0})
    publisher = new_publisher(patient)
    await until_it_sends(publisher, own_kafka, b"before")
    values = [b"%d" % n for n in range(200)]
    with frozen(own_broker):
        sending = asyncio.create_task(publisher.send_all(records(own_kafka, values)))
        await until("all to be queued", lambda: publisher.queued == 200)
        own_broker.kill(0)
    await asyncio.to_thread(own_broker.restart, 0)
    assert await sending == [None] * 200
    assert stored(own_kafka) == [b"before", *values]


async def test_closing_without_a_broker_ends_in_time_and_tells_what_was_lost(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(own_kafka)
    await until_it_sends(publisher, own_kafka, b"before")
    with frozen(own_broker):
        sending = asyncio.create_task(publisher.send_all(records(own_kafka, [b"lost"] * 20)))
        await until("all to be queued", lambda: publisher.queued == 20)
        begun = time.monotonic()
        assert await publisher.close() == 20
        took = time.monotonic() - begun
    assert [type(result) for result in await sending] == [PublishError] * 20
    assert took < own_kafka.delivery_timeout_seconds + _LATE_SECONDS


async def test_it_starts_without_a_broker_and_finds_it_later(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    own_broker.kill(0)
    try:
        publisher = new_publisher(own_kafka)
        assert not await sends(publisher, own_kafka, b"too early")
        await until("the lack to be noticed", lambda: not publisher.available)
    finally:
        await asyncio.to_thread(own_broker.restart, 0)
    await until_it_sends(publisher, own_kafka, b"after")
    assert stored(own_kafka) == [b"after"]
