"""What every request goes through: an id, a measure, and errors that become problem documents."""

import re
import secrets
import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from postpulse.telemetry import metrics
from postpulse.web.problems import Problem

REQUEST_ID = web.RequestKey("request_id", str)
_HEADER = "X-Request-ID"
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id, measure it, and answer whatever is raised as a problem document."""
    started = time.perf_counter()
    given = request.headers.get(_HEADER)
    request_id = given if given and _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID] = request_id
    metrics.HTTP_IN_FLIGHT.inc()
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem.response(request_id)
    except web.HTTPException as exc:
        response = _from_aiohttp(exc).response(request_id)
    except Exception:
        log.exception("request failed", method=request.method, path=request.path, request_id=request_id)
        detail = "Something failed here; the logs have it under this request id."
        response = Problem(500, detail).response(request_id)
    finally:
        metrics.HTTP_IN_FLIGHT.dec()
    if not response.prepared:
        response.headers[_HEADER] = request_id
    _measure(request, response.status, time.perf_counter() - started)
    return response


def _from_aiohttp(exc: web.HTTPException) -> Problem:
    headers = {name: value for name, value in exc.headers.items() if name in ("Allow", "Location")}
    detail = {
        404: "There is nothing at this path; /api/v1/openapi.json lists what there is.",
        405: f"This path answers {exc.headers.get('Allow', 'other methods')} only.",
    }.get(exc.status, exc.reason)
    return Problem(exc.status, detail, headers=headers)


def _measure(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "(none)"
    metrics.HTTP_REQUESTS.labels(request.method, route, str(status)).inc()
    metrics.HTTP_SECONDS.labels(request.method, route).observe(seconds)
