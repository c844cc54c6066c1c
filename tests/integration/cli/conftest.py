"""The APIs on a port of their own before the session's servers, and the command as a process beside them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

import producer_api.app
import query_api.app
from postpulse.settings import Settings
from postpulse.web.application import create_application
from postpulse.web.server import set_up
from tests.integration.cli.command import Cli
from tests.pipeline import Pipeline

Serve = Callable[[Settings], AbstractAsyncContextManager[int]]


@pytest.fixture
async def cli(settings: Settings) -> AsyncIterator[Cli]:
    """The command with the test's settings; whatever still runs at the end is killed."""
    made = Cli(settings)
    yield made
    await made.close()


@pytest.fixture
def serve() -> Serve:
    """`serve(settings)`: both APIs, as `postpulse serve all` runs them, until the block ends; gives the port."""

    @asynccontextmanager
    async def serving(settings: Settings) -> AsyncIterator[int]:
        app = create_application(settings, producer_api.app.install, query_api.app.install)
        runner = await set_up(app, 2.0)
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    return serving


@pytest.fixture
async def api(pipeline: Pipeline, serve: Serve) -> AsyncIterator[int]:
    """The port of both APIs; topics and collections are there."""
    async with serve(pipeline.settings) as port:
        yield port
