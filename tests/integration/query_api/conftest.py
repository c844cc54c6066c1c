"""The query API on a port of its own, before the session's broker and mongod."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from postpulse.settings import Settings
from postpulse.web.application import create_application
from postpulse.web.server import set_up
from query_api.app import install
from tests.integration.query_api.service import Service
from tests.pipeline import Pipeline

Change = Callable[[web.Application], None]
Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def serve(pipeline: Pipeline) -> Serve:
    """`serve(settings?, change?)`: the API as `postpulse serve query` runs it, until the end of the block.

    `change` gets the application before it starts.
    """

    @asynccontextmanager
    async def serving(
        settings: Settings | None = None, change: Change | None = None
    ) -> AsyncIterator[Service]:
        app = create_application(settings or pipeline.settings, install)
        if change is not None:
            change(app)
        runner = await set_up(app, 5.0)
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(f"http://{host}:{port}", connector=connector) as http:
                yield Service(pipeline, app, http, runner)
        finally:
            await runner.cleanup()

    return serving


@pytest.fixture
async def service(serve: Serve) -> AsyncIterator[Service]:
    """The query API, with its feed at the end of the topic."""
    async with serve() as made:
        await made.until_following()
        yield made
