"""The query API over the counters of posts that are known, asked over HTTP."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from postpulse.settings import CacheSettings, CountersSettings
from tests.counted import Counted, documents
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.pipeline import Pipeline

#: Nothing is ever folded: for posts of a year that is long past when tests run.
FOREVER = CountersSettings(minute_days=36_500, hour_days=36_500)


class Counting:
    """Asks what the counters say."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """Status and JSON body of /api/v1/<path>."""
        async with self.service.http.get(f"/api/v1/{path}", params=query) as answer:
            return answer.status, await answer.json(content_type=None)

    async def found(self, path: str, **query: Any) -> Any:
        """The body of an answer that is none but 200."""
        status, body = await self.get(path, **query)
        assert status == 200, body
        return body

    async def refused(self, path: str, **query: Any) -> Any:
        """The problem of one that is none but 422."""
        async with self.service.http.get(f"/api/v1/{path}", params=query) as answer:
            body = await answer.json(content_type=None)
            assert (answer.status, answer.content_type) == (422, "application/problem+json"), body
        return body


@asynccontextmanager
async def counting(
    serve: Serve, pipeline: Pipeline, posts: Sequence[Counted], settings: CountersSettings = FOREVER
) -> AsyncIterator[Counting]:
    """The API, before the counters of these posts as they are by now."""
    found = documents(posts, datetime.now(UTC), settings, random.Random(0))
    if found:
        pipeline.database.counters.insert_many(found)
    unkept = CacheSettings(max_bytes=0)
    changes = {"counters": settings, "cache": unkept}
    async with serve(pipeline.settings.model_copy(update=changes)) as service:
        yield Counting(service)


def instant(text: str) -> datetime:
    """A time of an answer."""
    return datetime.fromisoformat(text)
