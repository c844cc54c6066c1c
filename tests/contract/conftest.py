"""Both APIs on one port, as `postpulse serve all` runs them, before the session's servers, and a worker."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

import producer_api.app
import query_api.app
from postpulse.settings import Settings
from postpulse.topics import POSTS
from postpulse.web.application import create_application
from postpulse.web.server import set_up
from tests.pipeline import Pipeline
from tests.waiting import until


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With all that can be turned on: what is off answers 501."""
    return settings.model_copy(update={"mongo": settings.mongo.model_copy(update={"text_index": "on"})})


@pytest.fixture
async def address(pipeline: Pipeline) -> AsyncIterator[str]:
    """Where the APIs answer; a post is analyzed, and a dead letter is there."""
    pipeline.start_worker()
    pipeline.send(pipeline.post("Hello, world!"))
    pipeline.send_raw(POSTS, b"no-post", b"garbage")
    pipeline.flush()
    runner = await set_up(
        create_application(pipeline.settings, producer_api.app.install, query_api.app.install), 2.0
    )
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await until("a dead letter", lambda: pipeline.database.dead_letters.count_documents({}) == 1)
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
