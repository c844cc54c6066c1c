"""Exports over real HTTP: whole, in order, in little memory, and never taken for whole where they are not."""

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from postpulse.mongo.client import prepare_database
from query_api.keys import EXPORTS
from query_api.routes import post_list
from query_api.routes.post_rows import COLUMNS
from tests.integration.query_api.service import Service
from tests.pipeline import Document
from tests.waiting import until

_NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
_PATH = "/api/v1/posts/export/"
_METRICS = {
    "num_of_words": 2,
    "num_of_characters": 10,
    "language": "en",
    "sentiment": 0.5,
    "sentiment_label": "positive",
    "num_of_hashtags": 1,
    "hashtags": ["rain"],
    "mentions": [],
    "domains": [],
}


def store_many(service: Service, count: int, content: str = "More rain. ") -> list[str]:
    """Documents as the sink writes them, one a second; their ids, newest first."""
    ids = [f"{n:032d}" for n in range(count)]
    documents: list[Document] = [
        {
            "_id": post_id,
            "state": "analyzed",
            "content": f"{content} {n}",
            "created_at": _NOON + timedelta(seconds=n),
            "author": "ada" if n % 2 else "bob",
            "analysis": _METRICS,
        }
        for n, post_id in enumerate(ids)
    ]
    service.pipeline.database.posts.insert_many(documents, ordered=False)
    return ids[::-1]


def open_cursors(service: Service) -> int:
    """How many cursors of exports MongoDB has open in this database."""
    own = f"{service.pipeline.settings.mongo.database}.posts"
    pipeline = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {"$match": {"ns": own, "cursor": {"$exists": True}}},
    ]
    return len(list(service.pipeline.mongo.admin.aggregate(pipeline)))


async def test_ndjson_has_every_post_whole_in_the_order_of_the_list(service: Service) -> None:
    ids = store_many(service, 1000, "Rain. " * 100)
    async with service.http.get(_PATH, params={"author": "ada"}) as answer:
        assert (answer.status, answer.content_type) == (200, "application/x-ndjson")
        assert answer.headers["Cache-Control"] == "no-store"
        posts = [json.loads(line) for line in (await answer.read()).splitlines()]
    assert [post["post_id"] for post in posts] == [post_id for post_id in ids if int(post_id) % 2]
    assert posts[0] == {
        "post_id": ids[0],
        "created_at": "2026-01-31T12:16:39.000Z",
        "author": "ada",
        "lang": None,
        "source": None,
        "tags": [],
        "content": "Rain. " * 100 + " 999",
        **{
            name: value
            for name, value in _METRICS.items()
            if not name.startswith("num_of") or "words" in name
        },
    }


async def test_csv_has_every_post_below_its_header(service: Service) -> None:
    with_words = service.pipeline.settings.mongo.model_copy(update={"text_index": "on"})
    await prepare_database(with_words, "tests")
    ids = store_many(service, 300, "=Rain,")
    query = {"format": "csv", "text": "rain", "from": "2026-01-31T12:00:10Z"}
    async with service.http.get(_PATH, params=query) as answer:
        assert (answer.status, answer.content_type, answer.charset) == (200, "text/csv", "utf-8")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="posts.csv"'
        text = (await answer.read()).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["created_at_utc" if name == "created_at" else name for name in COLUMNS]
    assert [row[0] for row in rows] == ids[:290]
    assert rows[0][6] == "'=Rain, 299"


async def test_what_nothing_holds_for_is_empty_and_whole(service: Service) -> None:
    for form, beginning in (("ndjson", b""), ("csv", b"\xef\xbb\xbfpost_id,")):
        async with service.http.get(_PATH, params={"format": form}) as answer:
            body = await answer.read()
        assert answer.status == 200
        assert body.startswith(beginning)
        assert body.count(b"\n") == (form == "csv")


async def test_twenty_thousand_posts_take_little_memory(service: Service) -> None:
    store_many(service, 20_000, "x" * 1000)
    size = lines = 0
    tracemalloc.start()
    try:
        async with service.http.get(_PATH) as answer:
            async for piece in answer.content.iter_chunked(65_536):
                size += len(piece)
                lines += piece.count(b"\n")
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == 20_000
    assert size > 20_000_000
    # Both ends are in this process.
    assert grown < 4_000_000


async def test_a_client_that_goes_takes_its_cursor_with_it(service: Service) -> None:
    store_many(service, 20_000, "x" * 1000)
    answer = await service.http.get(_PATH)
    await answer.content.readexactly(10)
    await until("the export's cursor", lambda: open_cursors(service) == 1)
    answer.close()
    await until("its end", lambda: open_cursors(service) == 0)
    # And leaves its room to others.
    async with asyncio.timeout(10):
        for _ in range(post_list.MOST_EXPORTS):
            await service.app[EXPORTS].acquire()


async def test_a_client_that_does_not_read_is_let_go(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(service, 20_000, "x" * 1000)
    monkeypatch.setattr(post_list, "_READ_SECONDS", 0.2)
    async with service.http.get(_PATH) as answer:
        await until("its end", lambda: open_cursors(service) == 0)
        with pytest.raises((aiohttp.ClientPayloadError, ConnectionResetError)):
            await answer.read()


async def asked_as_http_1_0(service: Service) -> bytes:
    """The status line of the answer."""
    url = service.http._build_url(_PATH)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET {_PATH} HTTP/1.0\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return status


def _kill_cursors(service: Service) -> None:
    own = f"{service.pipeline.settings.mongo.database}.posts"
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {"$match": {"ns": own, "cursor": {"$exists": True}}},
    ]
    ids = [found["cursor"]["cursorId"] for found in service.pipeline.mongo.admin.aggregate(pipeline)]
    assert ids
    service.pipeline.database.command({"killCursors": "posts", "cursors": ids})


def _drop(service: Service) -> None:
    service.pipeline.database.posts.drop()


@pytest.mark.parametrize("fail", [_kill_cursors, _drop])
async def test_a_failure_in_the_middle_does_not_look_like_an_end(
    service: Service, fail: Callable[[Service], None]
) -> None:
    store_many(service, 20_000, "x" * 1000)
    async with service.http.get(_PATH) as answer:
        await answer.content.readexactly(10)
        await until("the export's cursor", lambda: open_cursors(service) == 1)
        await asyncio.to_thread(fail, service)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_what_is_wrong_before_it_begins_is_a_problem(service: Service) -> None:
    store_many(service, 10)
    async with service.http.get(_PATH, params={"format": "xml"}) as answer:
        assert (answer.status, (await answer.json(content_type=None))["field"]) == (422, "format")
    assert b" 505 " in await asked_as_http_1_0(service)
    for _ in range(post_list.MOST_EXPORTS):
        await service.app[EXPORTS].acquire()
    async with service.http.get(_PATH) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


async def test_head_says_what_get_would_and_sends_nothing(service: Service) -> None:
    store_many(service, 10)
    async with service.http.head(_PATH, params={"format": "csv"}) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "text/csv", b"")
    assert open_cursors(service) == 0
