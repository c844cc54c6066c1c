"""Finished analyses as they come: Server-Sent Events."""

from aiohttp import hdrs, web

from postpulse.web.application import add_route
from postpulse.web.problems import unavailable
from query_api.keys import HUB, PAST
from query_api.live.hub import TooManyStreamsError
from query_api.live.outlet import Outlet
from query_api.live.session import Session, retry
from query_api.routes.parameters import query_parameters
from query_api.routes.stream_openapi import describe_stream
from query_api.routes.stream_parameters import StreamParameters, resumed_from

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # nginx would keep events until its buffer is full.
    "X-Accel-Buffering": "no",
}


def install(app: web.Application) -> None:
    add_route(app, "GET", "/api/v1/stream/", get_stream)
    describe_stream(app)


async def get_stream(request: web.Request) -> web.StreamResponse:
    """Events until the client goes; 422 for a parameter that is not allowed, 503 for one stream too many."""
    given = query_parameters(dict(request.query), StreamParameters)
    filters = given.filters
    # A browser that comes back asks for the same URL again, and says in the header where it was.
    event_id = request.headers.get("Last-Event-ID") or given.last_event_id or ""
    asked, refused = resumed_from(event_id)
    response = web.StreamResponse(headers=_HEADERS)
    # A connection that has been a stream is at its end.
    response.force_close()
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    hub = request.app[HUB]
    try:
        outlet = Outlet(request)
        with hub.open(outlet):
            await response.prepare(request)
            await response.write(retry())
            await Session(hub, request.app[PAST], outlet, filters, asked, refused).run()
    except TooManyStreamsError:
        raise unavailable(
            "Too many streams are open here, or the service stops; try again.", retry_after=5
        ) from None
    except ConnectionError:
        # The client has gone.
        pass
    return response
