"""Workers' sinks on the session's mongod, each with a client of its own as each worker has."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import Document
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.mongo.client import connect
from postpulse.settings import MongoSettings
from stream_processors.sink.transaction import Sink

Worker = Callable[[], Awaitable[Sink]]


@pytest.fixture
async def worker(mongo_server: EmbeddedMongo, database: AsyncDatabase[Document]) -> AsyncIterator[Worker]:
    """`await worker()`: the sink of one more worker."""
    async with AsyncExitStack() as stack:

        async def start() -> Sink:
            client = connect(MongoSettings.model_validate({"uri": mongo_server.uri}), "tests")
            sink = Sink(client, client[database.name])
            stack.push_async_callback(client.close)
            stack.push_async_callback(sink.checkpoints.close)
            return sink

        yield start
