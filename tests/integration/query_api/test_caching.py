"""Analyses that are kept, by one process and by several that share a real Redis."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis

from postpulse.embedded.ports import choose_port
from postpulse.settings import RedisSettings, Settings
from query_api.caching import pages
from query_api.keys import ANALYSES, CACHE
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.pipeline import Document, Pipeline
from tests.waiting import until


class RedisServer:
    """A server of our own, with nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = choose_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.client = redis.Redis.from_url(self.url)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    if shutil.which("redis-server") is None:
        if "redis-server" in os.environ.get("POSTPULSE_TEST_PROGRAMS", "").split():
            pytest.fail("redis-server was installed for this test and is not there")
        pytest.skip("there is no redis-server on PATH")
    server = RedisServer(tmp_path)
    try:
        await until("redis", server.answers)
        yield server
    finally:
        server.stop()


@pytest.fixture
def sharing(pipeline: Pipeline, redis_server: RedisServer) -> Settings:
    return pipeline.settings.model_copy(
        update={"redis": RedisSettings.model_validate({"url": redis_server.url})}
    )


@pytest.fixture
async def both(serve: Serve, sharing: Settings) -> AsyncIterator[tuple[Service, Service]]:
    """Two processes' worth of the query API."""
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(serve(sharing)) for _ in range(2)]
        for service in services:
            await until_live(service)
        yield services[0], services[1]


async def until_live(service: Service) -> None:
    await until("the feed to be live", lambda: service.feed.is_live)


async def status_of(service: Service, post: Document) -> tuple[int, str]:
    """What the answer's words are, and where it is from."""
    _, body, headers = await service.get(f"{post['_id']}/analysis/")
    return body["num_of_words"], headers["Cache-Status"]


def change_unseen(service: Service, post: Document) -> None:
    """What only one who asks the database can know."""
    service.pipeline.database.posts.update_one({"_id": post["_id"]}, {"$set": {"analysis.num_of_words": 99}})


MADE, KEPT = "postpulse; fwd=miss", "postpulse; hit"


async def test_an_analysis_is_read_once_and_again_after_news(service: Service) -> None:
    post = service.store_analyzed(service.store_received("Three small words"))
    await until_live(service)
    assert await status_of(service, post) == (3, MADE)
    change_unseen(service, post)
    status, body, headers = await service.get(f"{post['_id']}/analysis/")
    assert (status, body["num_of_words"], headers["Cache-Status"]) == (200, 3, KEPT)
    assert int(headers["Age"]) <= 30
    # Clients ask each time, and have it.
    assert headers["Cache-Control"] == "private, no-cache"
    again = await service.get(f"{post['_id']}/analysis/", headers={"If-None-Match": headers["ETag"]})
    assert (again[0], again[1]) == (304, None)
    service.announce(post)

    async def is_read_again() -> bool:
        return (await status_of(service, post))[0] == 99

    await until("it to be read again", is_read_again)


async def test_a_deleted_post_is_not_kept(service: Service) -> None:
    post = service.finish(service.store_received("Three small words"))
    await status_of(service, post)
    service.announce(service.store_deleted(post))

    async def is_gone() -> bool:
        return (await service.get(f"{post['_id']}/analysis/"))[0] == 410

    await until("it to be gone", is_gone)


async def test_that_there_is_nothing_is_not_kept(service: Service) -> None:
    post = service.store_received("Three small words")
    assert (await service.get(f"{post['_id']}/analysis/"))[0] == 202
    service.store_analyzed(post)
    assert (await service.get(f"{post['_id']}/analysis/"))[0] == 200


async def test_a_switch_of_generations_forgets_all(service: Service) -> None:
    post = service.finish(service.store_received("Three small words"))
    await status_of(service, post)
    database = service.pipeline.database
    other = dict(database.posts.find_one({"_id": post["_id"]}) or {})
    other["analysis"]["num_of_words"] = 77
    database["posts.g2"].insert_one(other)
    generation = {"status": "current", "number": 2}
    state = {"newest": 2, "version": 2, "generations": [{"number": 1, "status": "kept"}, generation]}
    database.generations.replace_one({"_id": "state"}, state, upsert=True)

    async def is_the_new_one() -> bool:
        return (await status_of(service, post))[0] == 77

    await until("the other generation", is_the_new_one)


async def test_a_page_of_posts_is_kept_until_there_is_news(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_SECONDS", 60.0)
    async with serve() as service:
        await until_live(service)

        async def listed() -> list[str]:
            _, page, headers = await service.get("")
            # Of news, clients are not told.
            assert headers["Cache-Control"] == "no-store"
            return [post["post_id"] for post in page["posts"]]

        assert await listed() == []
        unseen = service.store_analyzed(service.store_received("Nobody is told of this one"))
        assert await listed() == []
        told = service.finish(service.store_received("Three small words"))

        async def are_both() -> bool:
            return set(await listed()) == {unseen["_id"], told["_id"]}

        await until("the page to be another", are_both, 10)


async def test_answers_about_a_time_are_kept_for_seconds(service: Service) -> None:
    paths = ("timeseries/?metrics=posts", "stats/", "trends/hashtags/", "authors/ada/stats/")
    for path in paths:
        answers = []
        for _ in range(2):
            async with service.http.get(f"/api/v1/{path}") as answer:
                assert answer.status == 200, await answer.text()
                answers.append((answer.headers["Cache-Status"], await answer.read()))
        (made, body), (kept, again) = answers
        assert (made, kept, again) == (MADE, KEPT, body), path
        assert answer.headers["Cache-Control"] == "private, max-age=3"
        # Another question has another answer.
        async with service.http.get(
            f"/api/v1/{path}{'&' if '?' in path else '?'}from=2026-01-01T00:00Z"
        ) as other:
            assert other.headers.get("Cache-Status") != KEPT


async def test_several_processes_share_what_one_has_read(both: tuple[Service, Service]) -> None:
    one, other = both
    post = one.store_analyzed(one.store_received("Three small words"))
    assert await status_of(one, post) == (3, MADE)
    change_unseen(one, post)
    assert await status_of(other, post) == (3, KEPT)
    one.announce(post)

    async def all_know() -> bool:
        return [(await status_of(service, post))[0] for service in both] == [99, 99]

    await until("all to know", all_know)


async def test_without_the_shared_store_the_database_is_asked(
    both: tuple[Service, Service], redis_server: RedisServer
) -> None:
    one, other = both
    post = one.store_analyzed(one.store_received("Three small words"))
    redis_server.process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(5):
        assert await status_of(one, post) == (3, MADE)
        assert await status_of(one, post) == (3, KEPT)
        assert await status_of(other, post) == (3, MADE)
    redis_server.process.send_signal(signal.SIGCONT)
    redis_server.process.kill()
    another = one.store_analyzed(one.store_received("Only two"))
    async with asyncio.timeout(5):
        assert await status_of(one, another) == (2, MADE)


async def test_what_cannot_be_read_in_the_shared_store_is_passed_over(
    both: tuple[Service, Service], redis_server: RedisServer
) -> None:
    one, other = both
    post = one.store_analyzed(one.store_received("Three small words"))
    assert await status_of(one, post) == (3, MADE)
    (key,) = redis_server.client.keys("postpulse:*")
    redis_server.client.set(key, b"\xff garbage")
    assert await status_of(other, post) == (3, MADE)


async def test_without_a_shared_store_it_is_kept_within_its_bytes(serve: Serve, pipeline: Pipeline) -> None:
    settings = pipeline.settings.model_copy(
        update={"cache": pipeline.settings.cache.model_copy(update={"max_bytes": 0})}
    )
    async with serve(settings) as service:
        await until_live(service)
        post = service.store_analyzed(service.store_received("Three small words"))
        assert [(await status_of(service, post))[1] for _ in range(2)] == [MADE, MADE]
        assert service.app[CACHE] is not None
        assert await service.app[ANALYSES].stale(post["_id"]) is None
