"""`/health/…`: what a service needs, whatever its checks do."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from postpulse.web import health
from postpulse.web.health import Check, run_check
from tests.unit.postpulse.web.conftest import Client, Serve


async def fine() -> dict[str, Any]:
    return {"queued": 3}


async def hanging() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def failing() -> dict[str, Any]:
    raise RuntimeError("no broker can be reached")


async def failing_without_a_word() -> dict[str, Any]:
    raise KeyError


@pytest.fixture
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.05)


async def with_checks(serve: Serve, **checks: Check) -> Client:
    def install(app: web.Application) -> None:
        app[health.CHECKS].update(checks)

    return await serve(install)


async def ready(client: Client) -> tuple[int, dict[str, Any]]:
    async with client.get("/health/ready") as answer:
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, await answer.json()


async def test_a_service_that_needs_nothing_is_ready(serve: Serve) -> None:
    assert await ready(await serve()) == (200, {"status": "ok", "checks": {}})


async def test_a_check_tells_its_details_and_its_time(serve: Serve) -> None:
    status, body = await ready(await with_checks(serve, kafka=fine))
    took = body["checks"]["kafka"].pop("milliseconds")
    assert 0 <= took < 1000
    assert (status, body) == (200, {"status": "ok", "checks": {"kafka": {"status": "ok", "queued": 3}}})


@pytest.mark.usefixtures("short_checks")
async def test_what_is_missing_is_named_and_the_rest_told_all_the_same(serve: Serve) -> None:
    client = await with_checks(serve, feed=hanging, mongo=fine, kafka=failing, spool=failing_without_a_word)
    status, body = await ready(client)
    assert (status, body["status"]) == (503, "failing")
    checks = body["checks"]
    assert all(check["milliseconds"] >= 0 for check in checks.values())
    assert {name: (check["status"], check.get("reason")) for name, check in checks.items()} == {
        "feed": ("failing", "no answer within 0.05 s"),
        "mongo": ("ok", None),
        "kafka": ("failing", "no broker can be reached"),
        "spool": ("failing", "KeyError"),
    }
    assert checks["feed"]["milliseconds"] >= 45


@pytest.mark.usefixtures("short_checks")
async def test_checks_that_hang_take_no_longer_than_one(serve: Serve) -> None:
    client = await with_checks(serve, **{f"check-{n}": hanging for n in range(40)})
    async with asyncio.timeout(1.5):
        status, _ = await ready(client)
    assert status == 503


async def test_a_time_limit_of_the_checks_own_is_told_as_it_is() -> None:
    async def slow() -> dict[str, Any]:
        raise TimeoutError("the primary said nothing for 2 s")

    result = await run_check(slow)
    assert (result["status"], result["reason"]) == ("failing", "the primary said nothing for 2 s")


async def test_a_service_lives_whatever_it_lacks(serve: Serve) -> None:
    client = await with_checks(serve, kafka=failing, feed=hanging)
    async with client.get("/health/live") as answer:
        body = await answer.json()
    assert (answer.status, body["status"]) == (200, "ok")
    assert body["uptime_seconds"] >= 0


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/api/v1/openapi.json"])
async def test_head_answers_as_get_does(serve: Serve, path: str) -> None:
    client = await serve()
    async with client.head(path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
