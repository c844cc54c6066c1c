"""`/health/live` and `/health/ready`: what a service needs, checked, with times."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from postpulse.web.openapi import SCHEMAS, Document, describe, json_response, schema_ref

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
    app[SCHEMAS]["Readiness"] = _READINESS
    describe(app, "/health/live", "get", _LIVE_CALL)
    describe(app, "/health/ready", "get", _READY_CALL)


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
    limit = asyncio.timeout(_CHECK_SECONDS)
    result: dict[str, Any]
    try:
        async with limit:
            result = {"status": "ok", **await check()}
    except Exception as exc:
        late = f"no answer within {_CHECK_SECONDS:g} s" if limit.expired() else None
        result = {"status": "failing", "reason": late or str(exc) or type(exc).__name__}
    result["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
    return result


def _answer(document: dict[str, Any], status: int) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")


_STATUS: Document = {"enum": ["ok", "failing"]}
_READINESS: Document = {
    "type": "object",
    "required": ["status", "checks"],
    "properties": {
        "status": _STATUS,
        "checks": {
            "type": "object",
            "description": "What the service needs, by name; each with details of its own.",
            "additionalProperties": {
                "type": "object",
                "required": ["status", "milliseconds"],
                "properties": {
                    "status": _STATUS,
                    "milliseconds": {"type": "number"},
                    "reason": {"type": "string", "description": "Why it is failing."},
                },
            },
        },
    },
    "examples": [
        {"status": "ok", "checks": {"mongo": {"status": "ok", "milliseconds": 0.9}}},
        {
            "status": "failing",
            "checks": {
                "kafka": {"status": "failing", "reason": "no broker can be reached", "milliseconds": 0.1}
            },
        },
    ],
}
_ALIVE: Document = {
    "type": "object",
    "required": ["status", "uptime_seconds"],
    "properties": {"status": {"const": "ok"}, "uptime_seconds": {"type": "number"}},
    "examples": [{"status": "ok", "uptime_seconds": 12.3}],
}
_LIVE_CALL: Document = {
    "operationId": "getLiveness",
    "summary": "Whether the process answers",
    "tags": ["service"],
    "responses": {"200": json_response("It does.", _ALIVE)},
}
_READY_CALL: Document = {
    "operationId": "getReadiness",
    "summary": "Whether the service has what it needs",
    "tags": ["service"],
    "responses": {
        "200": json_response("It has.", schema_ref("Readiness")),
        "503": json_response("Something is missing: see the checks that fail.", schema_ref("Readiness")),
    },
}
