"""`GET /api/v1/stream/`: what is told while one listens."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from query_api.keys import HUB
from query_api.live import session
from query_api.live.hub import Hub
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.reader import Reader
from tests.integration.query_api.service import Service
from tests.waiting import until

_SENT = {"author": "ada", "source": "app", "tags": ("one", "two")}
_TEXT = "I love the morning, it is such a wonderful day for #Kafka @Bob!"
_OTHER = "Ich hasse diesen schrecklichen Morgen, er ist wirklich kein guter Tag. #other @carl"


async def test_a_stream_begins_with_its_place_and_tells_what_comes_as_the_analysis_is_served(
    service: Service,
) -> None:
    earlier = await Reader.open(service.http)
    await earlier.until_placed()
    before = service.finish(service.store_received("Before.", chunks=1))
    await earlier.until_told(before["_id"])
    await earlier.close()
    reader = await Reader.open(service.http)
    assert await reader.until_placed()
    headers = reader.response.headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert "Content-Encoding" not in headers
    assert reader.retry is not None
    assert 1000 <= reader.retry <= 5000
    bare = service.finish(service.store_received("Naïve 🦊 text.", chunks=1))
    await reader.until_told(bare["_id"])
    post = service.finish(service.store_received(_TEXT, chunks=1, **_SENT))
    await reader.until_told(post["_id"])
    assert reader.told[0].data == (await service.get(f"{bare['_id']}/analysis/"))[1]
    assert reader.told[1].data == (await service.get(f"{post['_id']}/analysis/"))[1]
    assert reader.told[1].data["tags"] == ["one", "two"]
    service.announce(service.store_deleted(post))
    await reader.until("the delete", lambda _: reader.named("deleted"))
    assert [event.name for event in reader.events] == ["position", "analysis", "analysis", "deleted"]
    assert reader.events[0].data == {"live": True}
    assert reader.events[3].data == {"post_id": post["_id"]}
    assert len({event.id for event in reader.events}) == 4
    await reader.close()


@pytest.mark.parametrize(
    "filters",
    [
        {"author": "ada"},
        {"hashtag": "kafka"},
        {"hashtag": "#KAFKA"},
        {"mention": "bob"},
        {"mention": "@Bob"},
        {"language": "en"},
        {"sentiment": "positive"},
        {"source": "app"},
        {"tag": "two"},
        {"author": "ada", "hashtag": "kafka", "language": "en", "sentiment": "positive"},
    ],
)
async def test_filters_hold_for_all_that_is_told(service: Service, filters: dict[str, str]) -> None:
    reader = await Reader.open(service.http, **filters)
    await reader.until_placed()
    analyzed = [
        service.store_analyzed(service.store_received(_OTHER, chunks=1, author="eve", source="web")),
        service.store_analyzed(service.store_received(_TEXT, chunks=1, **_SENT)),
        service.store_analyzed(service.store_received(_OTHER, chunks=1, tags=("three",))),
    ]
    service.announce(*analyzed)
    # Deletes are told whatever the filters; those of all partitions come behind the rest.
    gone = [service.store_deleted(post) for post in analyzed]
    service.announce(*gone)
    await reader.until("the deletes", lambda _: len(reader.named("deleted")) == 3)
    assert [event.data["post_id"] for event in reader.named("analysis")] == [analyzed[1]["_id"]]
    await reader.close()


async def test_filters_must_all_hold(service: Service) -> None:
    reader = await Reader.open(service.http, author="ada", hashtag="other")
    await reader.until_placed()
    post = service.store_analyzed(service.store_received(_TEXT, chunks=1, **_SENT))
    service.announce(post)
    service.announce(service.store_deleted(post))
    await reader.until("the delete", lambda _: reader.named("deleted"))
    assert not reader.named("analysis")
    await reader.close()


@pytest.mark.parametrize(
    ("parameters", "field", "said"),
    [
        ({"authr": "ada"}, "authr", "author, hashtag, mention"),
        ({"sentiment": "good"}, "sentiment", "sentiment is not allowed"),
        ({"language": "English"}, "language", "language is not allowed"),
        ({"hashtag": "#"}, "hashtag", "hashtag must be more than its sign."),
        ({"author": ""}, "author", "length >= 1"),
        ({"author": "a" * 501}, "author", "length <= 500"),
        ({"last_event_id": "17"}, "last_event_id", "Last-Event-ID"),
        ({"last_event_id": "1.AAAA"}, "last_event_id", "Last-Event-ID"),
    ],
)
async def test_what_is_not_allowed_is_named(
    service: Service, parameters: dict[str, str], field: str, said: str
) -> None:
    async with service.http.get("/api/v1/stream/", params=parameters) as response:
        problem: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert (response.status, problem["field"]) == (422, field)
    assert said in problem["detail"]


async def test_a_quiet_stream_says_that_it_is_there_and_where_it_stands(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.05)
    reader = await Reader.open(service.http, author="nobody")
    first = await reader.until_placed()
    await reader.until("comments", lambda _: len(reader.comments) >= 2)
    assert [event.name for event in reader.events] == ["position"]
    # What its filters leave out moves it on: it will not be read again.
    service.announce(service.store_analyzed(service.store_received(_TEXT, chunks=1)))
    await reader.until("its new place", lambda _: len(reader.events) == 2)
    assert (reader.events[1].name, reader.events[1].data) == ("position", {"live": True})
    assert reader.last_event_id != first
    await reader.close()


async def test_a_record_that_is_no_analysis_is_passed_over(service: Service) -> None:
    reader = await Reader.open(service.http)
    await reader.until_placed()
    for value in (b"garbage", b"{}", b"\xff"):
        service.pipeline.send_raw(service.analyses, b"same", value)
    service.pipeline.send_raw(service.analyses, b"same", None)
    service.pipeline.flush()
    await reader.until_told("same")
    assert len(reader.told) == 1
    await reader.close()


async def test_a_stream_has_a_request_id_and_its_length_is_no_time_to_answer(service: Service) -> None:
    route = {"method": "GET", "route": "/api/v1/stream/", "status": "200"}
    async with service.http.get("/api/v1/stream/", headers={"X-Request-ID": "mine"}) as response:
        assert response.headers["X-Request-ID"] == "mine"
        assert REGISTRY.get_sample_value("postpulse_streams") == 1
    service.tell(service.analysis(), service.analysis())
    await until("its end", lambda: REGISTRY.get_sample_value("postpulse_streams") == 0)
    await until(
        "its end to be known", lambda: not REGISTRY.get_sample_value("postpulse_http_requests_in_flight")
    )
    assert REGISTRY.get_sample_value("postpulse_http_request_seconds_count", route) is None


async def test_one_stream_too_many_is_told_to_come_later(serve: Serve) -> None:
    def only_two(app: web.Application) -> None:
        app[HUB] = Hub(2, lambda: True)

    async with serve(change=only_two) as service:
        await service.until_following()
        first, second = await Reader.open(service.http), await Reader.open(service.http)
        async with service.http.get("/api/v1/stream/") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")
            assert response.headers["Content-Type"] == "application/problem+json"
        await first.close()
        # Its end is noticed with the next event.
        service.tell(service.analysis(), service.analysis())
        await until("a place to be free", lambda: len(service.app[HUB]) == 1)
        third = await Reader.open(service.http)
        assert await third.until_placed()
        await asyncio.gather(second.close(), third.close())


async def test_a_client_that_goes_frees_its_place(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.05)
    reader = await Reader.open(service.http)
    await reader.until_placed()
    assert len(service.app[HUB]) == 1
    await reader.close()
    await until("its place to be free", lambda: len(service.app[HUB]) == 0)


async def test_head_says_what_get_would_be(service: Service) -> None:
    async with service.http.head("/api/v1/stream") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
    assert len(service.app[HUB]) == 0


async def test_http_1_0_gets_events_without_chunks(service: Service) -> None:
    address = service.address
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /api/v1/stream/ HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
        assert (await reader.readline()).startswith(b"retry: ")
        assert (await reader.readline()).startswith(b"id: 1.")
        await reader.readuntil(b"\n\n")
        service.announce(service.store_analyzed(service.store_received(_TEXT, chunks=1)))
        assert (await reader.readline()).startswith(b"id: 1.")
        assert await reader.readline() == b"event: analysis\n"
    writer.close()


@pytest.mark.parametrize("reads", [True, False])
async def test_a_stop_ends_streams_at_once(serve: Serve, reads: bool) -> None:
    async with serve() as service:
        await service.until_following()
        reader = await Reader.open(service.http)
        await reader.until_placed()
        if not reads:
            reader.response.connection.transport.pause_reading()  # type: ignore[union-attr]
            outlet = next(iter(service.app[HUB]._open))
            large = service.analysis(filling=200_000)
            await until("the connection to be full", lambda: outlet.paused or service.tell(large))
        reader.retry = None
        begun = asyncio.get_running_loop().time()
        await service.stop()
        assert asyncio.get_running_loop().time() - begun < 2
        if reads:
            await reader.until_ended()
            assert reader.retry is not None
        await reader.close()
