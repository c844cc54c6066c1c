"""`GET /api/v1/pipeline/`: how far the workers are behind, asked rarely, and when nobody knows."""

import asyncio

from postpulse.topics import POSTS
from query_api.keys import LAG
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.pipeline import Document, Pipeline
from tests.waiting import until


async def pipeline_of(service: Service) -> dict[str, Document]:
    async with service.http.get("/api/v1/pipeline/") as answer:
        assert answer.status == 200
        return {topic["topic"]: topic for topic in (await answer.json())["topics"]}


async def test_lag_is_told_by_partition_until_there_is_none(pipeline: Pipeline, service: Service) -> None:
    pipeline.send(*(pipeline.post(f"Post {number}") for number in range(30)))
    topics = await pipeline_of(service)
    assert list(topics) == [
        "posts.v1",
        "post-chunks.v1",
        "post-chunk-analyses.v1",
        "posts-replay.v1",
        "posts-dead-letter.v1",
    ]
    posts = topics[POSTS.name]
    assert posts["lag"] == 30
    assert [each["partition"] for each in posts["partitions"]] == [0, 1, 2]
    assert sum(each["lag"] for each in posts["partitions"]) == 30
    assert all(each["committed"] is None and each["end"] == each["lag"] for each in posts["partitions"])

    pipeline.start_worker()

    async def no_lag() -> bool:
        return bool((await pipeline_of(service))[POSTS.name]["lag"] == 0)

    await until("no lag", no_lag)
    posts = (await pipeline_of(service))[POSTS.name]
    assert sum(each["committed"] for each in posts["partitions"] if each["end"]) == 30


async def test_however_many_ask_the_brokers_are_asked_once(service: Service) -> None:
    lag = service.app[LAG]
    first, *others = await asyncio.gather(*(lag.topics() for _ in range(20)))
    assert all(other is first for other in others)


async def test_brokers_that_are_away_are_told_in_time(pipeline: Pipeline, serve: Serve) -> None:
    kafka = pipeline.settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    async with serve(pipeline.settings.model_copy(update={"kafka": kafka})) as service:
        async with asyncio.timeout(5), service.http.get("/api/v1/pipeline/") as answer:
            problem = await answer.json()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert problem["detail"].startswith("The lag is not known: ")
