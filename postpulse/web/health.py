"""`/health/live` and `/health/ready`: what a service needs, checked, with times."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

#: A check returns details worth showing, or raises with the reason why the service is not ready.
Check = Callable[[], Awaitable[dict[str, Any]]]
CHECKS = web.AppKey("health_checks", dict[str, Check])
_STARTED = web.AppKey("started_at", float)
_CHECK_SECONDS = 3.0


def install(app: web.Application) -> None:
    """Add the two health calls; services add their checks to `app[CHECKS]`."""
    app[CHECKS] = {}
    app[_STARTED] = time.time()
    app.router.add_get("/health/live", _live)
    app.router.add_get("/health/ready", _ready)


async def _live(request: web.Request) -> web.Response:
    return _answer({"status": "ok", "uptime_seconds": round(time.time() - request.app[_STARTED], 1)}, 200)


async def _ready(request: web.Request) -> web.Response:
    checks = request.app[CHECKS]
    results = dict(zip(checks, await asyncio.gather(*map(run_check, checks.values())), strict=True))
    ready = all(result["status"] == "ok" for result in results.values())
    return _answer({"status": "ok" if ready else "failing", "checks": results}, 200 if ready else 503)


async def run_check(check: Check) -> dict[str, Any]:
    """One check's result: `status` ok or failing, `milliseconds`, and its details or the reason."""
    started = time.perf_counter()
    result: dict[str, Any]
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            result = {"status": "ok", **await check()}
    except TimeoutError:
        result = {"status": "failing", "reason": f"no answer within {_CHECK_SECONDS:g} s"}
    except Exception as exc:
        result = {"status": "failing", "reason": str(exc) or type(exc).__name__}
    result["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
    return result


def _answer(document: dict[str, Any], status: int) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")
