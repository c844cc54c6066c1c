"""What a worker needs before it begins: it waits for servers, and names what waiting will not bring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from postpulse.collections import COLLECTIONS, Document
from postpulse.embedded.ports import choose_port
from postpulse.kafka.admin import admin_client, apply_topics
from postpulse.mongo.client import connect, database
from postpulse.settings import Settings
from postpulse.topics import DEAD_LETTERS, POST_CHUNKS, TOPICS, topic_name
from stream_processors.startup import WorkerFailedError, wait_for_collections, wait_for_topics
from tests.pipeline import Pipeline
from tests.waiting import until


async def test_missing_topics_are_named(settings: Settings) -> None:
    with pytest.raises(WorkerFailedError) as failure:
        await wait_for_topics(settings.kafka)
    assert all(topic_name(topic, settings.kafka) in str(failure.value) for topic in TOPICS)
    assert "postpulse topics apply" in str(failure.value)


async def test_only_those_that_are_missing(settings: Settings) -> None:
    apply_topics(settings.kafka)
    await wait_for_topics(settings.kafka)
    gone = {topic_name(topic, settings.kafka) for topic in (POST_CHUNKS, DEAD_LETTERS)}
    client = admin_client(settings.kafka)
    for deleted in client.delete_topics(list(gone)).values():
        deleted.result(20)

    async def both_named() -> bool:
        """True once the broker's metadata are up to date."""
        try:
            await wait_for_topics(settings.kafka)
        except WorkerFailedError as exc:
            words = {word.strip(",.:") for word in str(exc).split()}
            named = words & {topic_name(topic, settings.kafka) for topic in TOPICS}
            assert named <= gone
            return named == gone
        return False

    condition: Callable[[], bool | Awaitable[bool]] = both_named
    await until("both to be missed", condition)


def test_the_worker_ends_with_that_message(settings: Settings, pipeline: Pipeline) -> None:
    worker = pipeline.start_worker(POSTPULSE_KAFKA_TOPIC_PREFIX="nowhere.")
    assert worker.wait(30) == 1
    assert "these topics do not exist: nowhere.posts.v1, nowhere.post-chunks.v1" in pipeline.log_of(worker)


async def test_it_waits_for_a_broker(settings: Settings) -> None:
    nobody = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{choose_port(())}"})
    with capture_logs() as logs:
        waiting = asyncio.create_task(wait_for_topics(nobody))
        await until("it to say so", lambda: logs)
    assert logs[0]["servers"] == nobody.bootstrap_servers
    assert logs[0]["reason"]
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.fixture
async def empty(settings: Settings) -> AsyncIterator[AsyncDatabase[Document]]:
    client = connect(settings.mongo, "tests")
    yield database(client, settings.mongo)
    await client.close()


async def test_collections_are_made_by_many_workers_at_once(empty: AsyncDatabase[Document]) -> None:
    await asyncio.gather(*(wait_for_collections(empty) for _ in range(5)))
    assert set(await empty.list_collection_names()) == {collection.name for collection in COLLECTIONS}


async def test_mongodb_refusing_them_is_told(empty: AsyncDatabase[Document]) -> None:
    await empty.create_collection("elsewhere")
    await empty.command({"create": "posts", "viewOn": "elsewhere", "pipeline": []})
    with pytest.raises(WorkerFailedError, match="MongoDB refuses"):
        await wait_for_collections(empty)
