"""The publisher before a broker that is there: what is acknowledged is in the log, what is refused is not."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from postpulse.kafka.publisher import (
    Publisher,
    PublishError,
    QueueFullError,
    Record,
    RecordTooLargeError,
)
from postpulse.settings import KafkaSettings
from postpulse.topics import POSTS, topic_name
from tests.integration.postpulse.broker import records, stored
from tests.integration.postpulse.conftest import NewPublisher
from tests.pipeline import Pipeline
from tests.waiting import until

Results = Sequence[PublishError | None]


@pytest.fixture
def kafka(pipeline: Pipeline) -> KafkaSettings:
    """The session's broker, with topics of the test's own."""
    return pipeline.settings.kafka


def in_log(pipeline: Pipeline) -> list[bytes | None]:
    return [value for _, value in pipeline.read_all(POSTS)]


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(start, start + count)]


def acknowledged(values: Sequence[bytes], results: Results) -> list[bytes]:
    return [value for value, result in zip(values, results, strict=True) if result is None]


async def test_what_is_sent_with_one_key_stays_in_order(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka)
    values = numbered(3000)
    sent = records(kafka, values)
    together = [publisher.send_all(sent[n : n + 300]) for n in range(0, 1500, 300)]
    assert await asyncio.gather(*together) == [[None] * 300] * 5
    for record in sent[1500:1505]:
        await publisher.send(record)
    await publisher.publish(sent[1505:])
    assert in_log(pipeline) == values
    assert publisher.queued == 0
    assert publisher.last_acknowledged_at is not None


async def test_keys_live_where_every_client_of_kafka_looks_for_them(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    # As Kafka's own tests of Utils.murmur2 have them; its producer takes the positive part.
    hashes = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"abc": 479470107,
    }
    where = {key: (number & 0x7FFFFFFF) % kafka.partitions for key, number in hashes.items()}
    assert len(set(where.values())) > 1
    publisher = new_publisher(kafka)
    for key in where:
        await publisher.publish(records(kafka, [key], key))
    for key, partition in where.items():
        assert key in stored(kafka, partition)


async def test_a_record_arrives_whole(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    name = topic_name(POSTS, kafka)
    headers = [("schema", b"Post/1"), ("schema", b"again"), ("empty", b"")]
    publisher = new_publisher(kafka)
    await publisher.send(Record(name, b"\x00\xff", b"\x00value", headers))
    await publisher.send(Record(name, b"gone", None, []))
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "reader"})
    consumer.assign([TopicPartition(name, partition, 0) for partition in range(kafka.partitions)])
    try:
        found = {m.key(): m for m in consumer.consume(2, timeout=20)}
    finally:
        consumer.close()
    assert found[b"\x00\xff"].value() == b"\x00value"
    assert found[b"\x00\xff"].headers() == headers
    assert found[b"gone"].value() is None
    assert found[b"gone"].headers() is None


@pytest.mark.parametrize(
    ("limits", "size"),
    [({"queue_max_messages": 100}, 10), ({"queue_max_kbytes": 1024}, 10_000)],
    ids=["messages", "kbytes"],
)
async def test_what_a_full_queue_refuses_is_not_sent(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    new_publisher: NewPublisher,
    limits: dict[str, int],
    size: int,
) -> None:
    limited = kafka.model_copy(update={**limits, "linger_ms": 50.0})
    publisher = new_publisher(limited)
    values = [value.ljust(size, b".") for value in numbered(2000)]
    results = await publisher.send_all(records(kafka, values))
    refused = [result for result in results if result is not None]
    assert refused
    assert {type(result) for result in refused} == {QueueFullError}
    taken = acknowledged(values, results)
    assert taken
    assert in_log(pipeline) == taken
    # Once it has drained, there is room again.
    await publisher.publish(records(kafka, [b"after"]))
    assert in_log(pipeline) == [*taken, b"after"]


async def test_a_queue_full_of_others_refuses_all_of_a_call(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka.model_copy(update={"queue_max_messages": 100, "linger_ms": 1000.0}))
    first = asyncio.create_task(publisher.send_all(records(kafka, numbered(100))))
    await until("the queue to be full", lambda: publisher.queued == 100)
    with pytest.raises(QueueFullError):
        await publisher.send(records(kafka, [b"one"])[0])
    results = await publisher.send_all(records(kafka, [b"two", b"three"]))
    assert [type(result) for result in results] == [QueueFullError] * 2
    assert await first == [None] * 100
    assert in_log(pipeline) == numbered(100)


@pytest.mark.parametrize("megabytes", [9, 21], ids=["for the topic", "for any request"])
async def test_a_record_too_large_says_so_and_holds_nobody_up(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher, megabytes: int
) -> None:
    publisher = new_publisher(kafka)
    large = random.randbytes(megabytes << 20)
    values = [b"before", large, *numbered(20), large, b"after"]
    results = await publisher.send_all(records(kafka, values))
    assert [type(results[index]) for index in (1, -2)] == [RecordTooLargeError] * 2
    assert acknowledged(values, results) == [b"before", *numbered(20), b"after"]
    with pytest.raises(RecordTooLargeError, match="larger than the topic takes"):
        await publisher.send(records(kafka, [large])[0])
    assert in_log(pipeline) == [b"before", *numbered(20), b"after"]


async def test_publish_raises_the_first_failure_when_the_fate_of_all_is_known(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka)
    values: list[bytes] = numbered(1000)
    values[450] = random.randbytes(9 << 20)
    # Refused at once, long before the broker has said anything of the one above.
    values[650] = bytes(21 << 20)
    with pytest.raises(RecordTooLargeError, match="Broker: "):
        await publisher.publish(records(kafka, values))
    assert publisher.queued == 0
    assert in_log(pipeline) == [value for value in values if len(value) < 10]


async def test_a_topic_that_is_not_there_fails_its_own_records_only(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka.model_copy(update={"delivery_timeout_seconds": 1.0}))
    unknown = Record("no-such-topic", b"k", b"v", [])
    results = await publisher.send_all([*records(kafka, [b"a"]), unknown, *records(kafka, [b"b"])])
    assert [type(result) for result in results] == [type(None), PublishError, type(None)]
    assert in_log(pipeline) == [b"a", b"b"]


async def test_a_sender_that_is_cancelled_disturbs_nobody(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka.model_copy(update={"linger_ms": 100.0}))
    values = numbered(1000)
    sent = records(kafka, values)
    senders = [asyncio.create_task(publisher.send_all(sent[n : n + 10])) for n in range(0, 1000, 10)]
    await until("all to be queued", lambda: publisher.queued == 1000)
    for sender in senders[::2]:
        sender.cancel()
    results = await asyncio.gather(*senders, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    assert all(result == [None] * 10 for result in results[1::2])
    await until("the rest to be sent", lambda: publisher.queued == 0)
    # What was taken is sent, whether somebody waits for it or not.
    assert in_log(pipeline) == values


async def test_closing_sends_what_was_taken(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka.model_copy(update={"linger_ms": 1000.0}))
    values = numbered(500)
    sending = asyncio.create_task(publisher.send_all(records(kafka, values)))
    await until("all to be queued", lambda: publisher.queued == 500)
    assert await publisher.close() == 0
    assert await sending == [None] * 500
    assert in_log(pipeline) == values
    assert not publisher.available
    with pytest.raises(RuntimeError, match="not started"):
        await publisher.send_all(records(kafka, [b"late"]))
    assert await publisher.close() == 0


async def test_after_a_fatal_error_there_is_another_producer(
    pipeline: Pipeline, kafka: KafkaSettings, new_publisher: NewPublisher
) -> None:
    publisher = new_publisher(kafka.model_copy(update={"linger_ms": 1000.0}))
    under_way = asyncio.create_task(publisher.send_all(records(kafka, numbered(50))))
    await until("all to be queued", lambda: publisher.queued == 50)
    failed = publisher._connection
    assert failed is not None
    # As librdkafka calls it, from its poll.
    failed._on_error(KafkaError(KafkaError._FATAL, "the sequence is lost", fatal=True))
    await publisher.publish(records(kafka, numbered(50, start=50)))
    assert publisher._connection is not failed
    assert [type(result) for result in await under_way] == [PublishError] * 50
    await asyncio.wait_for(failed.closed.wait(), 10)
    assert in_log(pipeline) == numbered(50, start=50)


async def test_nothing_to_send_is_sent_at_once() -> None:
    publisher = Publisher(KafkaSettings(), "tests")
    assert await publisher.send_all([]) == []
    await publisher.publish([])
    assert not publisher.available
    assert publisher.queued == 0
