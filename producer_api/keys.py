"""What the handlers find in the application."""

from aiohttp import web

from postpulse.kafka.publisher import Publisher
from postpulse.post_ids import PostIds
from producer_api.acceptance import Acceptance
from producer_api.intake import Intake

INTAKE = web.AppKey("intake", Intake)
ACCEPTANCE = web.AppKey("acceptance", Acceptance)
PUBLISHER = web.AppKey("publisher", Publisher)
IDS = web.AppKey("post_ids", PostIds)
