"""Calls that go past the router: the same answers, measured the same, and only what is theirs to the letter."""

import asyncio

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from yarl import URL

from postpulse.web.application import add_route
from postpulse.web.problems import Problem
from tests.unit.postpulse.web.conftest import Client, Serve


def express(app: web.Application) -> None:
    """Answers how it was reached: past the router there is no match."""

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        if body == b"problem":
            raise Problem(422, "Must be something else.")
        return web.Response(text="router" if request._match_info is not None else "express")

    add_route(app, "POST", "/quick/", handler, express=True)


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
