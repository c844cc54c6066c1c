"""What every request goes through: an id, a measure, errors that become problem documents, gzip."""

import re
import secrets
import time

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from postpulse.telemetry import metrics
from postpulse.web.problems import Problem

REQUEST_ID = web.RequestKey("request_id", str)
_BEGUN = web.RequestKey("begun", web.StreamResponse)
_HEADER = "X-Request-ID"
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Below this a body fits into one packet anyway.
_WORTH_BYTES = 1400
#: gzip, or anything, unless its weight is zero (RFC 9110, 12.5.3).
_GZIP = re.compile(r"(?:\bgzip\b|\*)(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)

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
    except Exception as exc:
        response = _answer_to(exc, request)
    finally:
        metrics.HTTP_IN_FLIGHT.dec()
    if not response.prepared:
        response.headers[_HEADER] = request_id
    _measure(request, response.status, time.perf_counter() - started)
    return response


async def note_begin(request: web.Request, response: web.StreamResponse) -> None:
    """Remember what is being answered; for `on_response_prepare`."""
    request[_BEGUN] = response


@web.middleware
async def compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send larger bodies with gzip to whoever takes that."""
    response = await handler(request)
    # Streams are not touched: what is written to them is to go out at once.
    if isinstance(response, web.Response) and (response.content_length or 0) >= _WORTH_BYTES:
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if _GZIP.search(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            response.enable_compression(web.ContentCoding.gzip)
    return response


def _answer_to(exc: Exception, request: web.Request) -> web.StreamResponse:
    request_id = request[REQUEST_ID]
    begun: web.StreamResponse | None = request.get(_BEGUN)
    if begun is None and isinstance(exc, Problem):
        return exc.response(request_id)
    if begun is None and isinstance(exc, web.HTTPException):
        return _from_aiohttp(exc).response(request_id)
    log.error("request failed", exc_info=exc, method=request.method, path=request.path, request_id=request_id)
    if begun is None:
        detail = "Something failed here; the logs have it under this request id."
        return Problem(500, detail).response(request_id)
    # Too late for another answer. Without its end, nobody takes the one that was begun for whole.
    if request.transport is not None:
        request.transport.close()
    return begun


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
