"""What the handlers find in the application."""

import asyncio

from aiohttp import web

from postpulse.kafka.publisher import Publisher
from postpulse.post_ids import PostIds
from query_api.caching.analyses import KeptAnalyses
from query_api.caching.cache import Cache
from query_api.caching.pages import KeptPages
from query_api.dead_letters.actions import Actions
from query_api.live.feed import Feed
from query_api.live.hub import Hub
from query_api.live.past import Past
from query_api.live.waiters import Waiters
from query_api.pipeline.lag import Lag
from query_api.queries.counters import CounterQueries
from query_api.queries.dead_letters import DeadLetterQueries
from query_api.queries.generations import GenerationQueries
from query_api.queries.post_list import PostListQueries
from query_api.queries.posts import PostQueries
from query_api.queries.replays import ReplayQueries
from query_api.replays.coverage import Coverage

CACHE = web.AppKey("cache", Cache)
ANALYSES = web.AppKey("kept_analyses", KeptAnalyses)
POSTS = web.AppKey("post_queries", PostQueries)
POST_LIST = web.AppKey("post_list_queries", PostListQueries)
PAGES = web.AppKey("kept_pages", KeptPages)
EXPORTS = web.AppKey("exports", asyncio.Semaphore)
WAITERS = web.AppKey("waiters", Waiters)
FEED = web.AppKey("feed", Feed)
HUB = web.AppKey("stream_hub", Hub)
PAST = web.AppKey("stream_past", Past)
DEAD_LETTERS = web.AppKey("dead_letter_queries", DeadLetterQueries)
ACTIONS = web.AppKey("dead_letter_actions", Actions)
REDRIVE_PUBLISHER = web.AppKey("redrive_publisher", Publisher)
IDS = web.AppKey("known_post_ids", PostIds)
REPLAYS = web.AppKey("replay_queries", ReplayQueries)
GENERATIONS = web.AppKey("generation_queries", GenerationQueries)
COUNTERS = web.AppKey("counter_queries", CounterQueries)
COVERAGE = web.AppKey("replay_coverage", Coverage)
LAG = web.AppKey("pipeline_lag", Lag)
