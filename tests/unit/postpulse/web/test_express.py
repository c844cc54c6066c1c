"""Calls that go past the router: the same answers, measured the same, and only what is theirs to the letter."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client import REGISTRY
from yarl import URL

from postpulse.web.application import add_route
from postpulse.web.problems import Problem
from postpulse.web.responses import ExpressResponse
from tests.unit.postpulse.web.conftest import Client, Serve


def express(app: web.Application) -> None:
    """Answers how it was reached: past the router there is no match."""

    async def handler(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if body == b"problem":
            raise Problem(422, "Must be something else.")
        if body == b"whole":
            return ExpressResponse(202, {"Content-Type": "application/json"}, b"{}")
        return web.Response(text="router" if request._match_info is not None else "express")

    add_route(app, "POST", "/quick/", handler, express=True)


_LARGE = 1_000_000


def large(app: web.Application) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return ExpressResponse(202, {}, b"x" * _LARGE)

    add_route(app, "POST", "/large/", handler, express=True)


def spoken(app: web.Application) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return ExpressResponse(200, {"Content-Type": "text/plain"}, b"a" * int(request.query["size"]))

    add_route(app, "GET", "/spoken/", handler)


def counted(route: str, status: str) -> float:
    labels = {"method": "POST", "route": route, "status": status}
    return REGISTRY.get_sample_value("postpulse_http_request_seconds_count", labels) or 0.0


async def reached(client: Client, path: str | URL, **more: object) -> str:
    async with client.post(path, **more) as answer:  # type: ignore[arg-type]
        assert answer.status == 200
        assert answer.headers["X-Request-ID"]
        return await answer.text()


async def test_both_forms_of_the_path_go_past_the_router(serve: Serve) -> None:
    client = await serve(express)
    before = counted("/quick/", "200")
    assert await reached(client, "/quick/") == "express"
    assert await reached(client, "/quick") == "express"
    assert counted("/quick/", "200") == before + 1


@pytest.mark.parametrize("path", ["/quick/?a=1", "/%71uick/"])
async def test_what_is_not_so_to_the_letter_is_the_routers(serve: Serve, path: str) -> None:
    client = await serve(express)
    assert await reached(client, URL(path, encoded=True)) == "router"


async def test_a_problem_is_answered_and_measured_as_everywhere(serve: Serve) -> None:
    client = await serve(express)
    before = counted("/quick/", "422")
    async with client.post("/quick/", data=b"problem") as answer:
        assert answer.status == 422
        problem = await answer.json(content_type="application/problem+json")
    assert problem["detail"] == "Must be something else."
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert counted("/quick/", "422") == before + 1


async def test_another_method_is_told_which_are_answered(serve: Serve) -> None:
    client = await serve(express)
    async with client.get("/quick/") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_who_waits_to_be_told_to_continue_is_told(serve: Serve) -> None:
    client = await serve(express)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"POST /quick/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"ok")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def raw(client: Client, *requests: bytes) -> bytes:
    """What comes back on one connection, to its end."""
    assert client.server is not None
    assert client.port is not None
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"".join(requests))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def request(version: str, *headers: str) -> bytes:
    lines = (f"POST /quick/ HTTP/{version}", "Host: a", "Content-Length: 5", *headers, "", "whole")
    return "\r\n".join(lines).encode()


async def test_one_that_is_written_whole_is_what_any_other_is(serve: Serve) -> None:
    client = await serve(express)
    answers = await raw(client, request("1.1"), request("1.1", "Connection: close"))
    heads, first, second = [], *answers.split(b"HTTP/1.1 202 Accepted\r\n")[1:]
    for part in (first, second):
        head, _, body = part.partition(b"\r\n\r\n")
        assert body == b"{}"
        heads.append(dict(line.split(": ", 1) for line in head.decode().split("\r\n")))
    quick, usual = heads
    assert usual.pop("Connection") == "close"
    assert quick.keys() == usual.keys()
    same = quick.keys() - {"X-Request-ID", "Date"}
    assert {name: quick[name] for name in same} == {name: usual[name] for name in same}


async def test_it_is_not_written_in_a_version_that_was_not_asked_for(serve: Serve) -> None:
    client = await serve(express)
    kept = "Connection: keep-alive"
    answers = await raw(client, request("1.0", kept), request("1.0"))
    assert answers.count(b"HTTP/1.0 202 Accepted\r\n") == 2
    assert answers.count(b"HTTP/1.1") == 0


async def test_a_larger_one_is_packed_for_who_can_unpack_it(serve: Serve) -> None:
    client = await serve(spoken)
    seen = []
    for size, accepted in ((1399, "gzip"), (1400, "gzip"), (1400, "br")):
        headers = {"Accept-Encoding": accepted}
        async with client.get("/spoken/", params={"size": size}, headers=headers) as answer:
            # Unpacked by the client.
            assert await answer.read() == b"a" * size
            seen.append((answer.headers.get("Content-Encoding"), answer.headers.get("Vary")))
    assert seen == [(None, None), ("gzip", "Accept-Encoding"), (None, "Accept-Encoding")]


async def test_its_head_comes_alone_where_that_is_asked_for(serve: Serve) -> None:
    client = await serve(spoken)
    asked = b"HEAD /spoken/?size=7 HTTP/1.1\r\nHost: a\r\n"
    answers = await raw(client, asked + b"\r\n", asked + b"Connection: close\r\n\r\n")
    assert answers.endswith(b"\r\n\r\n")
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == answers.count(b"Content-Length: 7\r\n") == 2
    assert b"aaa" not in answers


async def test_an_answer_for_which_nobody_is_left_fails_as_aiohttp_expects_it() -> None:
    gone = make_mocked_request("POST", "/quick/")
    gone.protocol.transport = None
    with pytest.raises(ConnectionError):
        await ExpressResponse(202, {}, b"{}").prepare(gone)


async def test_nothing_more_is_taken_from_a_client_that_does_not_read(serve: Serve) -> None:
    client = await serve(large)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=2**16)
    before, sent = counted("/large/", "202"), 60
    writer.write(b"POST /large/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" * sent)
    for _ in range(sent):
        async with client.post("/large/") as answer:
            await answer.read()
    assert counted("/large/", "202") - before < 2 * sent
    answers = await reader.readexactly(sent * _LARGE)
    assert answers.count(b"HTTP/1.1 202 Accepted") >= sent - 1
    writer.close()
    await writer.wait_closed()
