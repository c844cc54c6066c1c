"""The query API, wired: MongoDB, the feed of finished analyses, routes, health. `install` adds it."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from pymongo import AsyncMongoClient

from postpulse.collections import Document
from postpulse.mongo.client import connect, database
from postpulse.post_ids import PostIds
from postpulse.topics import POST_ANALYSES, topic_name
from postpulse.web import health
from postpulse.web.application import SETTINGS
from query_api.keys import FEED, IDS, POSTS, WAITERS
from query_api.live.feed import Feed
from query_api.live.waiters import Waiters
from query_api.queries.posts import PostQueries
from query_api.routes import posts

_MAX_WAITERS = 10_000


def install(app: web.Application) -> None:
    """Add the query API.

    Raises:
        ConfigurationError: there is no key to recognize post ids with.
    """
    app[IDS] = PostIds.from_settings(app[SETTINGS].ids)
    app[WAITERS] = Waiters(_MAX_WAITERS)
    app.cleanup_ctx.append(_database)
    app.cleanup_ctx.append(_feed)
    posts.install(app)


async def _database(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS].mongo
    client = connect(settings, "postpulse-query-api")
    app[POSTS] = PostQueries(database(client, settings))
    app[health.CHECKS]["mongo"] = lambda: _ping(client)
    yield
    await client.close()


async def _feed(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS].kafka
    feed = Feed(settings, topic_name(POST_ANALYSES, settings), app[WAITERS].wake)
    app[FEED] = feed
    app[health.CHECKS]["feed"] = lambda: _following(feed)
    feed.start()
    yield
    await feed.stop()


async def _ping(client: AsyncMongoClient[Document]) -> dict[str, Any]:
    await client.admin.command("ping")
    return {}


async def _following(feed: Feed) -> dict[str, Any]:
    if not feed.following:
        raise RuntimeError("the end of the analyses topic is not found yet")
    return {"seconds_since_poll": round(feed.seconds_since_poll, 1)}
