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
from postpulse.web.docs import page
from postpulse.web.express import EXPRESS
from postpulse.web.middleware import identify, shell

SETTINGS = web.AppKey("settings", Settings)
Install = Callable[[web.Application], None]

_METRICS: openapi.Document = {
    "operationId": "getMetrics",
    "summary": "Metrics of this process, for Prometheus",
    "tags": ["service"],
    "responses": {
        "200": {
            "description": "In the text format.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "postpulse_waiters 0.0\n"}},
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
    app.on_response_prepare.append(identify)
    app[SETTINGS] = settings
    app[EXPRESS] = {}
    openapi.install(app)
    page.install(app)
    health.install(app)
    app.router.add_get("/metrics", _metrics)
    openapi.describe(app, "/metrics", "get", _METRICS)
    for install in services:
        install(app)
    _keep_to_fixed_paths(app)
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


def _keep_to_fixed_paths(app: web.Application) -> None:
    """A path of its own answers for itself: what it does not take is not for a pattern that it would also fit."""
    fixed: dict[str, tuple[web.PlainResource, set[str]]] = {}
    for resource in app.router.resources():
        if isinstance(resource, web.PlainResource):
            path = resource.canonical
            methods = fixed[path][1] if path in fixed else set()
            fixed[path] = resource, methods | {route.method for route in resource}
    for last, methods in fixed.values():
        last.add_route("*", _refusing(methods))


def _refusing(methods: set[str]) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, methods)

    return refuse


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
