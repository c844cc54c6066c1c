"""The query API while Kafka or MongoDB is killed or frozen, and after; on servers of its own."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest

from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.settings import HttpSettings, IdsSettings, KafkaSettings, MongoSettings, Settings
from query_api.live import session
from tests.integration.postpulse.broker import frozen, killed, started
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.reader import Reader
from tests.integration.query_api.service import Service
from tests.waiting import until

Server = EmbeddedKafka | EmbeddedMongo
Away = Callable[[Server], AbstractContextManager[None]]
#: Two seconds for an answer of MongoDB, and some for the rest.
_BOUNDED_SECONDS = 3.5

each_way = pytest.mark.parametrize("away", [killed, frozen])


@pytest.fixture(scope="module")
def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongo]:
    mongo = EmbeddedMongo(tmp_path_factory.mktemp("mongo"), ports=[random.randint(20_000, 31_999)])
    with started(mongo):
        yield mongo


@pytest.fixture
def settings(own_broker: EmbeddedKafka, own_mongo: EmbeddedMongo) -> Settings:
    """In place of the session's: what is taken away here, no other test uses."""
    own = f"t{secrets.token_hex(4)}"
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=own_broker.bootstrap_servers, topic_prefix=f"{own}.", partitions=1
        ),
        mongo=MongoSettings.model_validate({"uri": own_mongo.uri, "database": own}),
        http=HttpSettings(port=0),
        ids=IdsSettings.model_validate({"keys": secrets.token_hex(16)}),
    )


@asynccontextmanager
async def without(server: Server, away: Away) -> AsyncIterator[None]:
    """The server is away until the end of the block; the event loop goes on."""
    gone = away(server)
    await asyncio.to_thread(gone.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(gone.__exit__, None, None, None)


async def readiness(service: Service) -> tuple[int, dict[str, Any]]:
    async with service.http.get("/health/ready") as answer:
        return answer.status, (await answer.json())["checks"]


async def until_ready(service: Service) -> None:
    async def ready() -> bool:
        return (await readiness(service))[0] == 200

    condition: Callable[[], bool | Awaitable[bool]] = ready
    await until("the service to be ready", condition)


async def fails(service: Service, check: str) -> bool:
    status, checks = await readiness(service)
    return status == 503 and checks[check]["status"] == "failing"


async def until_it_fails(service: Service, check: str) -> dict[str, Any]:
    """The result of the check; all others are well."""
    condition: Callable[[], bool | Awaitable[bool]] = partial(fails, service, check)
    await until(f"{check} to fail", condition)
    _, checks = await readiness(service)
    assert {name for name, result in checks.items() if result["status"] != "ok"} == {check}
    result: dict[str, Any] = checks[check]
    return result


@each_way
async def test_without_a_broker_answers_go_on_and_readiness_tells(
    service: Service, own_broker: EmbeddedKafka, away: Away
) -> None:
    await until_ready(service)
    known = service.store_analyzed(service.store_received("Known.", chunks=1))
    post = service.store_received("Later.", chunks=1)
    request = asyncio.create_task(service.get(f"{post['_id']}/analysis/", params={"wait": "60"}))
    await service.until_waiting(1)
    async with without(own_broker, away):
        failing = await until_it_fails(service, "feed")
        assert "brokers do not answer" in failing["reason"]
        assert (await service.get(f"{known['_id']}/analysis/"))[0] == 200
        # Nobody tells of it, but at the end of its time a request looks once more.
        unseen = service.store_received("Unseen.", chunks=1)
        short = asyncio.create_task(service.get(f"{unseen['_id']}/analysis/", params={"wait": "1"}))
        await service.until_waiting(2)
        service.store_analyzed(unseen)
        assert (await short)[0] == 200
        assert not request.done()
    await until_ready(service)
    service.finish(post)
    async with asyncio.timeout(20):
        assert (await request)[0] == 200


def live(reader: Reader) -> bool | None:
    """What a stream has said last of the brokers."""
    said = reader.named("position")
    return said[-1].data["live"] if said else None


@each_way
async def test_streams_stay_open_without_a_broker_say_so_and_miss_nothing(
    service: Service, own_broker: EmbeddedKafka, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.05)
    await until_ready(service)
    reader = await Reader.open(service.http)
    place = await reader.until_placed()
    first, second, third = (service.analysis() for _ in range(3))
    service.tell(first)
    await reader.until_told(first.post_id)
    async with without(own_broker, away):
        await reader.until("word of it", lambda _: live(reader) is False)
        # Those who come meanwhile are told as well; for one of them the log has to be read.
        new = await Reader.open(service.http)
        late = await Reader.open(service.http, after=reader.last_event_id)
        later = await Reader.open(service.http, after=place)
        for each in (new, late, later):
            await each.until("word of it", lambda each: live(each) is False)
    await reader.until("word that it is over", lambda _: live(reader))
    service.tell(second, third)
    for each, told in ((reader, 3), (late, 2), (later, 3), (new, 2)):
        await each.until_told(second.post_id, third.post_id)
        assert len(each.told) == told
        assert not each.named("reset")
        await each.close()


async def test_a_stream_that_is_opened_before_there_are_brokers_begins_when_they_come(
    serve: Serve, own_broker: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.05)
    async with AsyncExitStack() as stack:
        async with without(own_broker, frozen):
            service = await stack.enter_async_context(serve())
            reader = await Reader.open(service.http)
            await reader.until("word of it", lambda _: reader.events)
            assert (reader.events[0].data, reader.last_event_id) == ({"live": False}, None)
        assert await reader.until_placed()
        told = service.analysis()
        service.tell(told)
        await reader.until_told(told.post_id)
        await reader.close()


@each_way
async def test_without_a_database_there_is_a_problem_in_bounded_time(
    service: Service, own_mongo: EmbeddedMongo, away: Away
) -> None:
    await until_ready(service)
    post = service.store_analyzed(service.store_received("Known.", chunks=1))
    invented = "0" * 32
    read = service.store_analyzed(service.store_received("Read before.", chunks=1))
    assert (await service.get(f"{read['_id']}/analysis/"))[0] == 200
    async with without(own_mongo, away):
        calls = ("analysis/", "analysis/?wait=30", "status/", "")
        async with asyncio.timeout(_BOUNDED_SECONDS):
            answers = await asyncio.gather(*(service.get(f"{post['_id']}/{call}") for call in calls))
        for status, body, headers in answers:
            assert (status, headers["Content-Type"]) == (503, "application/problem+json")
            assert headers["Retry-After"] == "2"
            assert body["detail"] == "The database cannot be reached; ask again later."
        async with asyncio.timeout(_BOUNDED_SECONDS):
            status, body, headers = await service.get(f"{read['_id']}/analysis/")
        assert (status, body["num_of_words"], headers["Cache-Control"]) == (200, 2, "no-store")
        assert headers["Cache-Status"] == "postpulse; hit; detail=stale"
        # An invented id is told without a look.
        assert (await service.get(f"{invented}/analysis/"))[0] == 404
        failing = await until_it_fails(service, "mongo")
        assert failing["reason"].startswith("no primary answers: ")
        assert failing["milliseconds"] < _BOUNDED_SECONDS * 1000
        async with service.http.get("/health/live") as answer:
            assert answer.status == 200
    await until_ready(service)
    assert (await service.get(f"{post['_id']}/analysis/"))[0] == 200


async def test_one_who_waits_while_the_database_goes_is_told(
    service: Service, own_mongo: EmbeddedMongo
) -> None:
    await until_ready(service)
    post = service.store_received("Soon.", chunks=1)
    done = service.store_analyzed(post)
    service.store_received("Soon.", chunks=1, post_id=post["_id"])
    request = asyncio.create_task(service.get(f"{post['_id']}/analysis/", params={"wait": "30"}))
    await service.until_waiting(1)
    async with without(own_mongo, frozen):
        service.announce(done)
        async with asyncio.timeout(_BOUNDED_SECONDS + 1):
            status, _, headers = await request
    assert (status, headers["Retry-After"]) == (503, "2")
    await service.until_waiting(0)
    await until_ready(service)


async def test_counts_that_are_asked_for_during_an_election_are_told_after_it(
    service: Service, own_mongo: EmbeddedMongo
) -> None:
    await until_ready(service)
    paths = [
        f"/api/v1/{path}?from=2026-05-01T00:00:00Z&until=2026-05-01T{hour:02}:00:00Z"
        for hour in range(1, 24)
        for path in ("stats/", "trends/hashtags/")
    ]

    async def status(path: str) -> int:
        async with service.http.get(path) as answer:
            return answer.status

    asking = [asyncio.create_task(status(path)) for path in paths]
    await until("the first answers", lambda: any(each.done() for each in asking))
    await asyncio.to_thread(service.pipeline.mongo.admin.command, "replSetStepDown", 1, force=True)
    assert set(await asyncio.gather(*asking)) == {200}
    await until_ready(service)
