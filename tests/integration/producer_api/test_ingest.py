"""The ingest API over real HTTP in front of a real broker."""

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import producer_api.app
from postpulse import events
from postpulse.events import Post
from postpulse.settings import ConfigurationError, IdsSettings, Settings
from postpulse.topics import POSTS
from postpulse.web.application import create_application
from postpulse.web.server import set_up
from tests.pipeline import Pipeline

Api = aiohttp.ClientSession
_JSON = {"Content-Type": "application/json"}
_NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Settings], Any]]:
    """Starts the ingest API with settings and returns a client of it."""
    runners: list[web.AppRunner] = []
    sessions: list[Api] = []

    async def start(settings: Settings) -> Api:
        runner = await set_up(create_application(settings, producer_api.app.install), 1)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        host, port = runner.addresses[0][:2]
        sessions.append(aiohttp.ClientSession(f"http://{host}:{port}", headers=_JSON))
        return sessions[-1]

    yield start
    for session in sessions:
        await session.close()
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def api(pipeline: Pipeline, serve: Callable[[Settings], Any]) -> Api:
    client: Api = await serve(pipeline.settings)
    return client


def _logged(pipeline: Pipeline) -> dict[str, Post | None]:
    return {
        (key or b"").decode(): events.decode(Post, value) if value is not None else None
        for key, value in pipeline.read_all(POSTS)
    }


@pytest.mark.parametrize("path", ["/api/v1/posts/", "/api/v1/posts"])
async def test_a_post_is_in_the_log_when_it_is_answered(pipeline: Pipeline, api: Api, path: str) -> None:
    async with api.post(path, json={"content": "Hello.", "tags": ["a"]}) as answer:
        assert answer.status == 202
        body = await answer.json()
        assert body["status"] == "accepted"
        assert answer.headers["Location"] == f"/api/v1/posts/{body['post_id']}/analysis/"
        assert answer.headers["X-Request-ID"]
    post = _logged(pipeline)[body["post_id"]]
    assert post is not None
    assert (post.content, post.tags) == ("Hello.", ("a",))


async def test_a_retry_with_a_key_is_the_same_post(pipeline: Pipeline, api: Api) -> None:
    ids = set()
    for _ in range(3):
        async with api.post(
            "/api/v1/posts/", json={"content": "Once."}, headers={"Idempotency-Key": "k1"}
        ) as answer:
            ids.add((await answer.json())["post_id"])
    assert len(ids) == 1
    assert len(_logged(pipeline)) == 1


async def test_a_delete_is_a_tombstone_and_an_invented_id_is_none(pipeline: Pipeline, api: Api) -> None:
    async with api.post("/api/v1/posts/", json={"content": "Gone soon."}) as answer:
        post_id = (await answer.json())["post_id"]
    async with api.delete(f"/api/v1/posts/{post_id}/") as answer:
        assert answer.status == 202
        assert await answer.json() == {"post_id": post_id, "status": "deleting"}
    assert _logged(pipeline)[post_id] is None
    async with api.delete("/api/v1/posts/06H0PP9924EGSGRY0E3022S27Y0H1X6C/") as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"
    assert len(_logged(pipeline)) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b'{"content": "a"}', 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"content=a", 415),
        ({"Content-Type": "application/json; charset=latin-1"}, b'{"content": "a"}', 415),
        ({"Content-Encoding": "br"}, b"x", 415),
        ({"Content-Encoding": "gzip"}, b"not gzip", 400),
        ({"Content-Encoding": "gzip"}, gzip.compress(b'{"content": "a"}', mtime=0)[:-4], 400),
        ({}, b"", 400),
        ({}, b'{"content": ""}', 422),
    ],
)
async def test_what_is_refused_says_why(
    pipeline: Pipeline, api: Api, headers: dict[str, str], body: bytes, status: int
) -> None:
    async with api.post("/api/v1/posts/", data=body, headers=_JSON | headers) as answer:
        problem = await answer.json()
        assert (answer.status, problem["status"]) == (status, status)
        assert problem["detail"].endswith(".")
        assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert _logged(pipeline) == {}


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_packed_bodies_are_bounded_by_what_comes_out(
    pipeline: Pipeline, serve: Callable[[Settings], Any], pack: Callable[[bytes], bytes]
) -> None:
    limits = pipeline.settings.intake.model_copy(update={"max_content_bytes": 1000})
    api = await serve(pipeline.settings.model_copy(update={"intake": limits}))
    encoding = {"Content-Encoding": "gzip" if pack is gzip.compress else "deflate"}
    async with api.post("/api/v1/posts/", data=pack(b'{"content": "Packed."}'), headers=encoding) as answer:
        assert answer.status == 202
    bomb = pack(b'{"content": "' + b"a" * 100_000_000 + b'"}')
    async with api.post("/api/v1/posts/", data=bomb, headers=encoding) as answer:
        assert answer.status == 413
        assert (await answer.json())["limit"] == 1000 * 6 + 65_536
    assert len(_logged(pipeline)) == 1


async def test_the_largest_post_of_the_worst_characters_fits_the_log(pipeline: Pipeline, api: Api) -> None:
    content = "\x01" * 1_048_576
    async with api.post(
        "/api/v1/posts/", data=io.BytesIO(json.dumps({"content": content}).encode())
    ) as answer:
        assert answer.status == 202, await answer.text()
        post_id = (await answer.json())["post_id"]
    too_much = io.BytesIO(json.dumps({"content": content + "a"}).encode())
    async with api.post("/api/v1/posts/", data=too_much) as answer:
        assert answer.status == 413
    post = _logged(pipeline)[post_id]
    assert post is not None
    assert post.content == content


async def test_a_batch_has_a_result_for_each_item_in_order(pipeline: Pipeline, api: Api) -> None:
    items: list[Any] = [{"content": f"Number {n}."} for n in range(1200)]
    items[3] = {"content": ""}
    items[700] = 7
    items[701] = {"content": "x", "tags": [1]}
    async with api.post("/api/v1/posts/batch/", json=items) as answer:
        assert answer.status == 200
        body = await answer.json()
    assert (body["accepted"], body["refused"]) == (1197, 3)
    assert [result["index"] for result in body["results"]] == list(range(1200))
    refused = [result for result in body["results"] if result["status"] != 202]
    assert [result["index"] for result in refused] == [3, 700, 701]
    assert all(result["problem"]["detail"] for result in refused)
    logged = _logged(pipeline)
    assert len(logged) == 1197
    post = logged[body["results"][42]["post_id"]]
    assert post is not None
    assert post.content == "Number 42."


@pytest.mark.parametrize(("body", "status"), [(b"{}", 422), (b"[", 400), (b'["\xff"]', 200)])
async def test_what_is_no_batch(api: Api, body: bytes, status: int) -> None:
    async with api.post("/api/v1/posts/batch/", data=body) as answer:
        assert answer.status == status


async def test_lines_are_answered_while_more_are_sent(pipeline: Pipeline, api: Api) -> None:
    """The stream goes both ways: results of the first lines are read before the last ones are written."""
    answered = asyncio.Event()

    async def lines() -> AsyncIterator[bytes]:
        for n in range(600):
            yield json.dumps({"content": f"Line {n}."}).encode() + (b"\r\n" if n % 2 else b"\n\n")
        async with asyncio.timeout(20):
            await answered.wait()
        yield b'{"content": ""}\n{"content": "The last, without an end."}'

    results = []
    async with api.post("/api/v1/posts/batch/", data=lines(), headers=_NDJSON) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/x-ndjson"
        async for line in answer.content:
            results.append(json.loads(line))
            answered.set()
    assert [result["index"] for result in results] == list(range(602))
    assert [result["index"] for result in results if result["status"] != 202] == [600]
    assert len(_logged(pipeline)) == 601


async def test_a_line_too_long_ends_the_stream_and_says_where(
    pipeline: Pipeline, serve: Callable[[Settings], Any]
) -> None:
    limits = pipeline.settings.intake.model_copy(update={"max_content_bytes": 1000})
    api = await serve(pipeline.settings.model_copy(update={"intake": limits}))
    body = b'{"content": "Fine."}\n{"content": "' + b"a" * 200_000
    async with api.post("/api/v1/posts/batch/", data=body, headers=_NDJSON) as answer:
        results = [json.loads(line) async for line in answer.content]
    assert [(result["index"], result["status"]) for result in results] == [(0, 202), (1, 413)]


async def test_without_a_broker_nothing_is_accepted(
    pipeline: Pipeline, serve: Callable[[Settings], Any]
) -> None:
    kafka = pipeline.settings.kafka.model_copy(
        update={"bootstrap_servers": "127.0.0.1:1", "delivery_timeout_seconds": 1.0}
    )
    api = await serve(pipeline.settings.model_copy(update={"kafka": kafka}))
    for _ in range(2):
        async with api.post("/api/v1/posts/", json={"content": "Nowhere to go."}) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
    async with api.get("/health/ready") as answer:
        assert answer.status == 503
        assert (await answer.json())["checks"]["kafka"]["status"] == "failing"
    async with api.get("/health/live") as answer:
        assert answer.status == 200


async def test_what_tells_of_the_service(api: Api) -> None:
    async with api.get("/health/ready") as answer:
        assert answer.status == 200, await answer.text()
    async with api.get("/metrics") as answer:
        assert "postpulse_posts_accepted_total" in await answer.text()
    async with api.get("/api/v1/openapi.json") as answer:
        document = await answer.json()
    assert set(document["paths"]) >= {
        "/api/v1/posts/",
        "/api/v1/posts/batch/",
        "/api/v1/posts/{post_id}/",
    }
    async with api.get("/nothing/here") as answer:
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"
    async with api.put("/api/v1/posts/", json={}) as answer:
        assert answer.status == 405
        assert "POST" in answer.headers["Allow"]


def test_without_a_key_for_ids_the_start_stops(settings: Settings) -> None:
    without = settings.model_copy(update={"ids": IdsSettings()})
    with pytest.raises(ConfigurationError, match="POSTPULSE_IDS_KEYS"):
        create_application(without, producer_api.app.install)
