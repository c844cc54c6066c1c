"""What every request goes through: ids, problem documents, measures, gzip."""

import asyncio
import gzip
import re

import aiohttp
import pytest
import structlog
from aiohttp import web
from prometheus_client import REGISTRY

from postpulse.web.application import add_route
from postpulse.web.problems import Problem
from tests.unit.postpulse.web.conftest import Serve


def things(app: web.Application) -> None:
    """Handlers that end in each way there is."""

    async def thing(request: web.Request) -> web.StreamResponse:
        match request.match_info["how"]:
            case "well":
                return web.json_response({})
            case "problem":
                raise Problem(422, "Must be something else.", field="how", allowed=["well"])
            case "failure":
                raise ValueError("hush: what only the logs are told")
            case "aiohttp":
                raise web.HTTPConflict(reason="Taken")
            case "stream":
                response = web.StreamResponse()
                response.enable_chunked_encoding()
                await response.prepare(request)
                await response.write(b"first\n")
                raise ValueError("in the middle")
            case size:
                return web.Response(text="x" * int(size))

    add_route(app, "GET", "/things/{how}/", thing)


def counted(**labels: str) -> float:
    return REGISTRY.get_sample_value("postpulse_http_request_seconds_count", labels) or 0.0


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
async def test_an_id_that_was_given_is_kept(serve: Serve, given: str) -> None:
    client = await serve(things)
    for path in ("/things/well/", "/things/problem/", "/nothing"):
        async with client.get(path, headers={"X-Request-ID": given}) as answer:
            assert answer.headers["X-Request-ID"] == given
            assert (await answer.json(content_type=None)).get("request_id", given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "ü", "a;b", '"a"', "<script>"])
async def test_others_are_made_new(serve: Serve, given: str | None) -> None:
    client = await serve(things)
    headers = {} if given is None else {"X-Request-ID": given}
    seen = set()
    for _ in range(2):
        async with client.get("/things/well/", headers=headers) as answer:
            made = answer.headers["X-Request-ID"]
            assert re.fullmatch("[0-9a-f]{16}", made)
            seen.add(made)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("path", "status", "members"),
    [
        ("/things/problem/", 422, {"detail": "Must be something else.", "field": "how", "allowed": ["well"]}),
        ("/things/aiohttp/", 409, {"detail": "Taken"}),
        (
            "/nothing",
            404,
            {"detail": "There is nothing at this path; /api/v1/openapi.json lists what there is."},
        ),
        ("/things/", 404, {}),
        (
            "/things/failure/",
            500,
            {"detail": "Something failed here; the logs have it under this request id."},
        ),
    ],
)
async def test_whatever_is_raised_is_a_problem_document(
    serve: Serve, path: str, status: int, members: dict[str, object]
) -> None:
    client = await serve(things)
    async with client.get(path) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
        problem = await answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert members.items() <= problem.items()
    assert "hush" not in str(problem)


async def test_a_method_that_is_not_answered_names_those_that_are(serve: Serve) -> None:
    client = await serve(things)
    async with client.post("/things/well/") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"
        assert (await answer.json(content_type=None))["detail"] == "This path answers GET,HEAD only."


async def test_a_path_of_its_own_answers_for_itself_beside_a_pattern_that_it_fits(serve: Serve) -> None:
    async def done(_: web.Request) -> web.Response:
        return web.json_response({})

    def beside(app: web.Application) -> None:
        add_route(app, "POST", "/things/all/", done)
        things(app)
        add_route(app, "PUT", "/things/all/", done)

    client = await serve(beside)
    for path in ("/things/all/", "/things/all"):
        for method, status in {"POST": 200, "PUT": 200, "GET": 405, "DELETE": 405}.items():
            async with client.request(method, path) as answer:
                assert answer.status == status
        assert answer.headers["Allow"] == "POST,PUT"


async def test_the_logs_have_a_failure_under_its_id(serve: Serve) -> None:
    client = await serve(things)
    with structlog.testing.capture_logs() as lines:
        async with client.get("/things/failure/", headers={"X-Request-ID": "look-here"}) as answer:
            assert answer.status == 500
        async with client.get("/things/problem/") as answer:
            assert answer.status == 422
    (line,) = lines
    assert isinstance(line.pop("exc_info"), ValueError)
    assert line == {
        "event": "request failed",
        "log_level": "error",
        "method": "GET",
        "path": "/things/failure/",
        "request_id": "look-here",
    }


async def test_a_stream_that_fails_is_broken_off_and_not_ended_as_if_whole(serve: Serve) -> None:
    client = await serve(things)
    with structlog.testing.capture_logs() as lines:
        async with client.get("/things/stream/", headers={"X-Request-ID": "look-here"}) as answer:
            assert (answer.status, answer.headers["X-Request-ID"]) == (200, "look-here")
            assert await answer.content.readline() == b"first\n"
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.content.read()
    assert [line["event"] for line in lines] == ["request failed"]


async def test_both_forms_of_a_path_and_head_answer(serve: Serve) -> None:
    client = await serve(things)
    for path in ("/things/well/", "/things/well"):
        async with client.get(path, allow_redirects=False) as answer:
            assert answer.status == 200
        async with client.head(path) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
            assert answer.headers["X-Request-ID"]
    with pytest.raises(ValueError, match="end in a slash: /a"):
        add_route(web.Application(), "GET", "/a", lambda _: None)  # type: ignore[arg-type, return-value]


async def test_requests_are_counted_by_pattern_and_never_by_path(serve: Serve) -> None:
    client = await serve(things)
    well = {"method": "GET", "route": "/things/{how}/", "status": "200"}
    none = {"method": "GET", "route": "(none)", "status": "404"}
    before = counted(**well), counted(**none)
    for path in ("/things/well/", "/things/11/", "/nothing/17", "/nothing/18"):
        async with client.get(path):
            pass
    assert (counted(**well), counted(**none)) == (before[0] + 2, before[1] + 2)
    async with client.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = await answer.text()
    assert "/nothing/17" not in text
    assert 'postpulse_http_request_seconds_count{method="GET",route="/things/{how}/",status="200"}' in text


async def test_a_word_for_a_method_makes_no_label_of_its_own(serve: Serve) -> None:
    client = await serve(things)
    other = {"method": "(other)", "route": "(none)", "status": "405"}
    before = counted(**other)
    async with client.request("PROPFIND", "/things/well/") as answer:
        assert answer.status == 405
    assert counted(**other) == before + 1


async def test_requests_under_way_are_counted_until_their_end(serve: Serve) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    def slow(app: web.Application) -> None:
        async def handler(_: web.Request) -> web.Response:
            entered.set()
            await leave.wait()
            return web.Response()

        add_route(app, "GET", "/slow/", handler)

    def in_flight() -> float:
        return REGISTRY.get_sample_value("postpulse_http_requests_in_flight") or 0.0

    client = await serve(slow)
    before = in_flight()
    request = asyncio.create_task(client.get("/slow/"))
    await entered.wait()
    assert in_flight() == before + 1
    leave.set()
    await request
    assert in_flight() == before


@pytest.mark.parametrize(
    ("accepted", "size", "packed"),
    [("gzip", 1400, True), ("gzip", 1399, False), ("identity", 5000, False), ("gzip;q=0", 5000, False)],
)
async def test_larger_answers_are_packed_for_whoever_takes_it(
    serve: Serve, accepted: str, size: int, packed: bool
) -> None:
    client = await serve(things)
    async with (
        aiohttp.ClientSession(client.make_url("/"), auto_decompress=False) as raw,
        raw.get(f"/things/{size}/", headers={"Accept-Encoding": accepted}) as answer,
    ):
        body = await answer.read()
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert (gzip.decompress(body) if packed else body) == b"x" * size
    assert ("Vary" in answer.headers) == (size >= 1400)
