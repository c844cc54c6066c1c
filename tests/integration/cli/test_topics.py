"""`postpulse topics` beside what Kafka itself says."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from postpulse.settings import Settings
from postpulse.topics import POST_ANALYSES, POST_CHUNKS, POSTS, TOPICS, group_name
from tests.integration.cli.command import Cli
from tests.pipeline import Pipeline


async def test_apply_creates_what_is_missing_once_and_tells_what_differs(
    cli: Cli, settings: Settings
) -> None:
    planned = await cli.run("topics", "apply", "--dry-run", "--json")
    assert planned.code == 1
    assert [(change["action"], change["applied"]) for change in planned.json] == [("create", False)] * len(
        TOPICS
    )
    missing = await cli.run("topics", "describe")
    assert missing.code == 1
    assert "`postpulse topics apply` creates them" in missing.err
    tail = await cli.run("tail")
    assert tail.code == 1
    assert "`postpulse topics apply` creates it" in tail.err

    applied = await cli.run("topics", "apply")
    assert applied.code == 0
    prefix = settings.kafka.topic_prefix
    assert sorted(applied.out.splitlines()) == sorted(
        f"{prefix}{topic.name}: created, {settings.kafka.partitions} partitions" for topic in TOPICS
    )
    again = await cli.run("topics", "apply")
    assert (again.code, again.out) == (0, f"Nothing to do: {len(TOPICS)} topics are as declared.\n")
    other = await cli.run("topics", "apply", "--dry-run", settings={"POSTPULSE_KAFKA_PARTITIONS": "4"})
    assert other.code == 1
    assert f"{prefix}posts.v1: has 3 partitions, not 4 as declared" in other.out


@pytest.fixture
def group(pipeline: Pipeline) -> Iterator[Consumer]:
    """A consumer that commits as the workers' group, where no worker runs."""
    consumer = Consumer(
        {
            "bootstrap.servers": pipeline.settings.kafka.bootstrap_servers,
            "group.id": group_name(pipeline.settings.worker.group, pipeline.settings.kafka),
            "enable.auto.commit": False,
        }
    )
    yield consumer
    consumer.close()


async def test_lag_is_what_is_not_committed(pipeline: Pipeline, cli: Cli, group: Consumer) -> None:
    empty = await cli.run("topics", "describe", "--json")
    assert empty.code == 0
    assert {topic["name"]: topic["lag"] for topic in empty.json["topics"]} == {
        pipeline.topic(topic): None if topic is POST_ANALYSES else 0 for topic in TOPICS
    }

    pipeline.send(*(pipeline.post(f"Post {number}.") for number in range(50)))
    never = (await cli.run("topics", "describe", "posts.v1", "--json")).json["topics"][0]
    assert never["lag"] == pipeline.lag(POSTS) == 50

    first = never["partitions"][0]
    assert first["high"] > 1
    group.commit(offsets=[TopicPartition(never["name"], 0, first["high"] - 1)], asynchronous=False)
    some = (await cli.run("topics", "describe", "posts.v1", "--json")).json["topics"][0]
    assert [p["lag"] for p in some["partitions"]] == [1, *(p["high"] for p in never["partitions"][1:])]
    assert some["lag"] == pipeline.lag(POSTS) == 50 - first["high"] + 1
    table = await cli.run("topics", "describe", "posts.v1")
    assert f"{never['name']}   lag {some['lag']}" in table.out


async def test_lag_with_workers(pipeline: Pipeline, cli: Cli) -> None:
    worker = pipeline.start_worker(POSTPULSE_WORKER_CHUNK_CHARS="256")
    pipeline.send(*(pipeline.post("One sentence of many. " * 40) for _ in range(20)))
    pipeline.wait_analyzed(20)
    for topic in (POSTS, POST_CHUNKS):
        pipeline.wait_committed(topic)
    working = (await cli.run("topics", "describe", "--json")).json
    assert (working["group"]["state"], working["group"]["members"]) == ("stable", 1)
    lags = {
        topic["name"].removeprefix(pipeline.settings.kafka.topic_prefix): topic for topic in working["topics"]
    }
    assert (lags["posts.v1"]["lag"], lags["post-chunks.v1"]["lag"]) == (0, 0)
    assert sum(p["high"] for p in lags["post-chunks.v1"]["partitions"]) > 20
    assert lags[POST_ANALYSES.name]["lag"] is None

    assert pipeline.stop(worker) == 0
    pipeline.send(*(pipeline.post("Nobody reads this yet.") for _ in range(7)))
    stopped = (await cli.run("topics", "describe", "posts.v1", "--json")).json
    assert (stopped["group"]["state"], stopped["group"]["members"]) == ("empty", 0)
    assert stopped["topics"][0]["lag"] == pipeline.lag(POSTS) == 7
