"""The query API, wired: MongoDB, the feed of finished analyses, routes, health. `install` adds it."""

from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from typing import Any

import pymongo
import structlog
from aiohttp import web
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from postpulse.collections import Document
from postpulse.kafka.publisher import Publisher
from postpulse.mongo.client import connect, database
from postpulse.post_ids import PostIds
from postpulse.topics import POST_ANALYSES, topic_name
from postpulse.web import health
from postpulse.web.application import SETTINGS
from query_api.caching.analyses import KeptAnalyses
from query_api.caching.cache import Cache
from query_api.caching.pages import KeptPages
from query_api.caching.stores import LocalStore, NoSharedStore, RedisStore, SharedStore
from query_api.dashboard import page
from query_api.dead_letters.actions import Actions
from query_api.keys import (
    ACTIONS,
    ANALYSES,
    CACHE,
    COUNTERS,
    COVERAGE,
    DEAD_LETTERS,
    FEED,
    GENERATIONS,
    HUB,
    IDS,
    PAGES,
    PAST,
    POST_LIST,
    POSTS,
    REDRIVE_PUBLISHER,
    REPLAYS,
    WAITERS,
)
from query_api.live.feed import Feed
from query_api.live.hub import Hub
from query_api.live.past import Past
from query_api.live.position import Position
from query_api.live.records import Record
from query_api.live.waiters import Waiters
from query_api.queries.counters import CounterQueries
from query_api.queries.current import CurrentGeneration
from query_api.queries.dead_letters import DeadLetterQueries
from query_api.queries.generations import GenerationQueries
from query_api.queries.post_list import PostListQueries
from query_api.queries.posts import PostQueries
from query_api.queries.replays import ReplayQueries
from query_api.replays.coverage import Coverage
from query_api.routes import counters, dead_letters, generations, pipeline, post_list, posts, replays, stream

log = structlog.get_logger(__name__)

_MAX_WAITERS = 10_000
_MAX_STREAMS = 2000
_PING_SECONDS = 2.0


def install(app: web.Application) -> None:
    """Add the query API.

    Raises:
        ConfigurationError: there is no key to recognize post ids with.
    """
    app[IDS] = PostIds.from_settings(app[SETTINGS].ids)
    app[WAITERS] = Waiters(_MAX_WAITERS)
    app[HUB] = Hub(_MAX_STREAMS, lambda: app[FEED].is_live)
    app.cleanup_ctx.append(_caching)
    app.cleanup_ctx.append(_database)
    app.cleanup_ctx.append(_redriving)
    app.cleanup_ctx.append(_feed)
    app.cleanup_ctx.append(_covering)
    app.on_shutdown.append(_let_go)
    post_list.install(app)
    posts.install(app)
    dead_letters.install(app)
    replays.install(app)
    generations.install(app)
    stream.install(app)
    counters.install(app)
    pipeline.install(app)
    page.install(app)


async def _database(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS].mongo
    client = connect(settings, "postpulse-query-api")
    collections = database(client, settings)
    current = CurrentGeneration(collections)
    app[ANALYSES] = KeptAnalyses(app[CACHE], current, lambda: app[FEED].is_live)
    app[PAGES] = KeptPages(app[SETTINGS].cache.max_bytes // 8, lambda: app[FEED].is_live)
    app[POSTS] = PostQueries(collections, current)
    app[POST_LIST] = PostListQueries(current)
    app[DEAD_LETTERS] = DeadLetterQueries(collections, current, app[SETTINGS].kafka.topic_prefix)
    app[REPLAYS] = ReplayQueries(collections, current)
    app[GENERATIONS] = GenerationQueries(collections, app[SETTINGS].replay.grace_seconds)
    app[COUNTERS] = CounterQueries(collections, current)
    app[health.CHECKS]["mongo"] = lambda: _ping(client)
    yield
    await client.close()


async def _caching(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    shared: SharedStore = NoSharedStore()
    if settings.redis.url is not None:
        # What one version wrote, another may not read; and databases may share a server.
        namespace = f"postpulse:{version('postpulse')}:{settings.mongo.database}:"
        shared = RedisStore(settings.redis, namespace)
    app[CACHE] = Cache(LocalStore(settings.cache.max_bytes), shared)
    yield
    await app[CACHE].close()


async def _redriving(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS].kafka
    publisher = Publisher(settings, "postpulse-query-api")
    publisher.start()
    app[REDRIVE_PUBLISHER] = publisher
    app[ACTIONS] = Actions(app[DEAD_LETTERS], publisher, settings)
    yield
    left = await publisher.close()
    if left:
        log.warning("stopped with dead letters half redriven; redrive them again", records=left)


async def _covering(app: web.Application) -> AsyncIterator[None]:
    coverage = Coverage(app[SETTINGS].kafka)
    app[COVERAGE] = coverage
    yield
    await coverage.close()


async def _feed(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS].kafka
    topic = topic_name(POST_ANALYSES, settings)
    waiters, hub, past = app[WAITERS], app[HUB], Past(settings, topic)
    kept, pages = app[ANALYSES], app[PAGES]

    async def begin(position: Position, lost: str | None) -> None:
        # What came before was not seen.
        kept.clear()
        pages.clear()
        waiters.wake(None)
        await hub.begin(position, lost)

    async def take(records: Sequence[Record]) -> None:
        post_ids = [record.post_id for record in records]
        pages.clear()
        waiters.wake(post_ids)
        # Who was woken looks again after this, however long the shared store takes.
        await kept.forget(post_ids)
        await hub.take(records)

    feed = Feed(settings, topic, begin, take, lambda: hub.listening)
    app[FEED] = feed
    app[PAST] = past
    app[health.CHECKS]["feed"] = lambda: _following(feed, waiters, hub)
    feed.start()
    yield
    await feed.stop()
    await past.close()


async def _let_go(app: web.Application) -> None:
    # Requests that wait would hold up the stop for as long as they are given, and streams for good.
    app[WAITERS].close()
    app[PAST].stop()
    app[HUB].close()


async def _ping(client: AsyncMongoClient[Document]) -> dict[str, Any]:
    try:
        with pymongo.timeout(_PING_SECONDS):
            await client.admin.command("ping")
    except PyMongoError as exc:
        reason = str(exc).partition(", Timeout:")[0]
        raise RuntimeError(f"no primary answers: {reason}") from None
    return {}


async def _following(feed: Feed, waiters: Waiters, hub: Hub) -> dict[str, Any]:
    if not feed.following:
        raise RuntimeError("the end of the analyses topic is not found yet")
    if not feed.is_answered:
        raise RuntimeError(
            f"the brokers do not answer; last poll {feed.seconds_since_poll:.1f} s ago; "
            "analyses are served, but requests that wait are not woken, and streams stand still"
        )
    return {
        "seconds_since_poll": round(feed.seconds_since_poll, 1),
        "lag": feed.connection.lag,
        "waiters": len(waiters),
        "streams": len(hub),
    }
