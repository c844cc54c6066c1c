"""The shell of every HTTP service: one Application with ids, problems, health, metrics and OpenAPI.

A service is a function `install(app)` that adds its routes, health checks, OpenAPI operations and
`cleanup_ctx` resources. Both APIs on one port are one Application with both installed.
"""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from postpulse.settings import Settings
from postpulse.web import health, openapi
from postpulse.web.express import EXPRESS
from postpulse.web.middleware import shell

SETTINGS = web.AppKey("settings", Settings)
Install = Callable[[web.Application], None]

_METRICS: openapi.Document = {
    "operationId": "getMetrics",
    "summary": "Metrics of this process, for Prometheus",
    "tags": ["service"],
    "responses": {
        "200": {
            "description": "In the text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
}


def create_application(settings: Settings, *services: Install) -> web.Application:
    """An application that serves the given services.

    Args:
        settings: found by handlers as `request.app[SETTINGS]`.
        services: each adds itself; see the module.
    """
    # Handlers read bodies with limits of their own; aiohttp's would answer without saying what is allowed.
    app = web.Application(middlewares=[shell], client_max_size=0)
    app[SETTINGS] = settings
    app[EXPRESS] = {}
    openapi.install(app)
    health.install(app)
    app.router.add_get("/metrics", _metrics)
    openapi.describe(app, "/metrics", "get", _METRICS)
    for install in services:
        install(app)
    return app


def add_route(
    app: web.Application, method: str, path: str, handler: Handler, *, express: bool = False
) -> None:
    """Route a path that ends in a slash, and answer its form without one just the same. GET answers HEAD too.

    Args:
        express: it is called thousands of times a second, and knows without `request.app` what it needs; see
            `postpulse.web.express`.
    """
    if not path.endswith("/"):
        raise ValueError(f"paths end in a slash: {path}")
    methods = (method, "HEAD") if method == "GET" else (method,)
    for form in (path, path.rstrip("/")):
        for each in methods:
            app.router.add_route(each, form, handler)
            if express:
                app[EXPRESS][each, form] = handler


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
