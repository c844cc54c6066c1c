"""What the handlers find in the application."""

from aiohttp import web

from postpulse.post_ids import PostIds
from query_api.live.feed import Feed
from query_api.live.waiters import Waiters
from query_api.queries.posts import PostQueries

POSTS = web.AppKey("post_queries", PostQueries)
WAITERS = web.AppKey("waiters", Waiters)
FEED = web.AppKey("feed", Feed)
IDS = web.AppKey("known_post_ids", PostIds)
