"""The query API, served from real servers, with the sink's part played by the sink's own functions."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from postpulse import events
from postpulse.events import Analysis, Place
from postpulse.kafka.admin import admin_client, apply_topics
from postpulse.topics import POST_ANALYSES, topic_name
from query_api.keys import FEED, WAITERS
from query_api.live.feed import Feed
from stream_processors import analysis
from stream_processors.sink import posts
from tests.pipeline import Document, Pipeline
from tests.waiting import until


class Service:
    """Writes documents and events as a worker does, and asks over HTTP."""

    def __init__(
        self, pipeline: Pipeline, app: web.Application, http: aiohttp.ClientSession, runner: web.AppRunner
    ) -> None:
        self.pipeline = pipeline
        self.app = app
        self.http = http
        self._runner = runner
        self._offsets = itertools.count(100)

    @property
    def address(self) -> URL:
        assert self.http._base_url is not None
        return self.http._base_url

    async def stop(self) -> None:
        """As the end of the process does."""
        await self._runner.cleanup()

    @property
    def feed(self) -> Feed:
        return self.app[FEED]

    # What happens to the log.

    analyses = POST_ANALYSES

    async def make_analyses_anew(self, between: Callable[[], object]) -> None:
        """Delete the topic of analyses, do what is to be done, and create it again."""
        settings = self.pipeline.settings.kafka
        name = topic_name(POST_ANALYSES, settings)
        client = admin_client(settings)
        await asyncio.to_thread(client.delete_topics([name])[name].result, 20)
        await until("the topic to be gone", lambda: name not in client.list_topics(timeout=5).topics)
        between()
        await asyncio.to_thread(apply_topics, settings)

    # What a worker does.

    def store_received(self, content: str, chunks: int = 2, **fields: Any) -> Document:
        """A post whose analysis is under way, in MongoDB."""
        post = self.pipeline.post(content, **fields)
        return self._store(posts.received(post, Place(0, next(self._offsets)), chunks))

    def store_analyzed(self, document: Document) -> Document:
        """The same post with its analysis, in MongoDB."""
        return self._store(posts.analyzed(document, analysis.analyze(document["content"]), 250))

    def store_deleted(self, document: Document) -> Document:
        return self._store(posts.deleted(document["_id"], Place(0, next(self._offsets)), 0))

    def store_dead(self, reason: str) -> Document:
        place = Place(0, next(self._offsets))
        return self._store(posts.dead(self.pipeline.ids.mint(), place, "ingest", reason))

    def announce(self, *documents: Document) -> None:
        """What is published of posts that are analyzed or deleted."""
        for document in documents:
            value = events.encode(posts.analysis_event(document)) if document["state"] == "analyzed" else None
            self.pipeline.send_raw(POST_ANALYSES, document["_id"].encode(), value)
        self.pipeline.flush()

    def finish(self, document: Document) -> Document:
        """First the document, then the event, as the sink has it."""
        finished = self.store_analyzed(document)
        self.announce(finished)
        return finished

    def analysis(self, filling: int = 0, **fields: Any) -> Analysis:
        """A result of a post that MongoDB does not know, with so many more characters."""
        now = 1_700_000_000_000
        given = {
            "post_id": self.pipeline.ids.mint(),
            "revision": next(self._offsets),
            "analysis_version": 1,
            "analyzed_at": now,
            "created_at": now,
            "received_at": now,
            "chunks": 1,
            "metrics": {"num_of_words": 1, "filling": "x" * filling},
        }
        return Analysis(**(given | fields))

    def tell(self, *results: Analysis) -> None:
        """Publish results, acknowledged."""
        for result in results:
            self.pipeline.send_raw(POST_ANALYSES, result.post_id.encode(), events.encode(result))
        self.pipeline.flush()

    def _store(self, document: Document) -> Document:
        self.pipeline.database.posts.replace_one({"_id": document["_id"]}, document, upsert=True)
        return document

    # Asking.

    async def get(self, path: str, **options: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON body (None where there is none) and headers of /api/v1/posts/<path>."""
        async with self.http.get(f"/api/v1/posts/{path}", **options) as response:
            body = await response.read()
            return response.status, await response.json(content_type=None) if body else None, response.headers

    async def until_waiting(self, count: int) -> None:
        await until(f"{count} waiters", lambda: len(self.app[WAITERS]) == count)

    async def until_following(self) -> None:
        await until("the feed", lambda: self.app[FEED].following)
