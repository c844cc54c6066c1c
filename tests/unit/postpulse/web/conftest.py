"""Applications of the shell with handlers of a test's own, served on a free port."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from postpulse.settings import Settings
from postpulse.web.application import Install, create_application
from postpulse.web.express import open_express_way

Client = TestClient[web.Request, web.Application]
Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`serve(*installs)`: an application of these services; a client of it."""
    async with AsyncExitStack() as stack:

        async def start(*services: Install) -> Client:
            app = create_application(Settings(), *services)
            server = TestServer(app, auto_decompress=False)
            client = await stack.enter_async_context(TestClient(server))
            open_express_way(server.handler, app)
            return client

        yield start
