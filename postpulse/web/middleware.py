"""What every request goes through: an id, a measure, errors that become problem documents, gzip."""

import itertools
import os
import re
import time
from functools import cache

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import istr
from prometheus_client import Histogram

from postpulse.telemetry import metrics
from postpulse.web.problems import Problem
from postpulse.web.responses import ExpressResponse

_HEADER = istr("X-Request-ID")
_ID = web.RequestKey("request_id", str)
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Below this a body fits into one packet anyway.
_WORTH_BYTES = 1400
#: gzip, or anything, unless its weight is zero (RFC 9110, 12.5.3).
_GZIP = re.compile(r"(?:\bgzip\b|\*)(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)

#: What tells the requests of this process from those of others.
_process = os.urandom(4).hex()
_numbers = itertools.count(int.from_bytes(os.urandom(3), "big"))

log = structlog.get_logger(__name__)


class _InFlight:
    """Counted here, by the one thread of the event loop; the metric's own count takes a lock each time."""

    now = 0


metrics.HTTP_IN_FLIGHT.set_function(lambda: _InFlight.now)


@web.middleware
async def shell(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`answer` for every request that the router has seen, whether it knew the path or not."""
    resource = request.match_info.route.resource
    return await answer(request, handler, resource.canonical if resource is not None else "(none)")


async def answer(request: web.Request, handler: Handler, route: str) -> web.StreamResponse:
    """Give the request its id, measure it, answer whatever is raised as a problem document, pack larger answers.

    Args:
        route: the pattern of the path, for the metrics.
    """
    started = time.perf_counter()
    given = request.headers.get(_HEADER)
    request_id = given if given and _ACCEPTABLE_ID.fullmatch(given) else _new_id()
    request[_ID] = request_id
    _InFlight.now += 1
    try:
        response = await handler(request)
        # Streams are not touched: what is written to them is to go out at once. (isinstance takes its time with
        # abstract base classes, of which these are.)
        if type(response) is web.Response or type(response) is ExpressResponse:
            _pack(request, response)
    except Exception as exc:
        response = _answer_to(exc, request, request_id)
    finally:
        _InFlight.now -= 1
    if response.prepared:
        # A stream, at its end: how long it was open is no time to answer.
        return response
    response.headers[_HEADER] = request_id
    # Any word may be sent for a method: a client must not make labels.
    method = request.method if request.method in hdrs.METH_ALL else "(other)"
    _times(method, route, response.status).observe(time.perf_counter() - started)
    return response


async def identify(request: web.Request, response: web.StreamResponse) -> None:
    """The id of its request on a stream, which is prepared before `answer` sees it; a signal of the application."""
    # What aiohttp answers before anybody is asked (417) has none.
    if _ID in request:
        response.headers.setdefault(_HEADER, request[_ID])


@cache
def _times(method: str, route: str, status: int) -> Histogram:
    # Finding it by its labels takes longer than counting.
    return metrics.HTTP_SECONDS.labels(method, route, str(status))


def _pack(request: web.Request, response: web.Response | ExpressResponse) -> None:
    body = response.body
    if isinstance(body, bytes) and len(body) >= _WORTH_BYTES:
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if _GZIP.search(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            if isinstance(response, ExpressResponse):
                response.pack()
            else:
                response.enable_compression(web.ContentCoding.gzip)


def _new_id() -> str:
    # Asking the system for randomness each time would take longer than all the rest of this module.
    return f"{_process}{next(_numbers) & 0xFFFFFFFF:08x}"


def _answer_to(exc: Exception, request: web.Request, request_id: str) -> web.StreamResponse:
    begun = request.writer.output_size > 0
    if not begun and isinstance(exc, Problem):
        return exc.response(request_id)
    if not begun and isinstance(exc, web.HTTPException):
        return _from_aiohttp(exc).response(request_id)
    log.error("request failed", exc_info=exc, method=request.method, path=request.path, request_id=request_id)
    if begun and request.transport is not None:
        # Too late for another answer. Without its end, nobody takes the one that was begun for whole.
        request.transport.close()
    return Problem(500, "Something failed here; the logs have it under this request id.").response(request_id)


def _from_aiohttp(exc: web.HTTPException) -> Problem:
    headers = {name: value for name, value in exc.headers.items() if name in ("Allow", "Location")}
    detail = {
        404: "There is nothing at this path; /api/v1/openapi.json lists what there is.",
        405: f"This path answers {exc.headers.get('Allow', 'other methods')} only.",
    }.get(exc.status, exc.reason)
    return Problem(exc.status, detail, headers=headers)
