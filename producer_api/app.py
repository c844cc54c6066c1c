"""The ingest API, wired: publisher, intake, routes, health. `install` adds it to an application."""

from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiohttp import web

from postpulse.kafka.publisher import Publisher
from postpulse.post_ids import PostIds
from postpulse.topics import POSTS, topic_name
from postpulse.web import health
from postpulse.web.application import SETTINGS
from producer_api.acceptance import Acceptance
from producer_api.intake import Intake
from producer_api.keys import ACCEPTANCE, IDS, INTAKE, PUBLISHER
from producer_api.routes import batch, posts

log = structlog.get_logger(__name__)


def install(app: web.Application) -> None:
    """Add the ingest API.

    Raises:
        ConfigurationError: there is no key to make post ids with.
    """
    settings = app[SETTINGS]
    ids = PostIds.from_settings(settings.ids)
    kafka = settings.kafka.model_copy(update={"compression": settings.intake.compression})
    publisher = Publisher(kafka, "postpulse-producer-api")
    app[IDS] = ids
    app[PUBLISHER] = publisher
    app[INTAKE] = Intake(settings.intake, ids)
    app[ACCEPTANCE] = Acceptance(publisher, topic_name(POSTS, settings.kafka))
    app.cleanup_ctx.append(_publishing)
    app[health.CHECKS]["kafka"] = lambda: _check(publisher)
    # Before /{post_id}/, which would take "batch" for an id.
    batch.install(app)
    posts.install(app)


async def _publishing(app: web.Application) -> AsyncIterator[None]:
    app[PUBLISHER].start()
    yield
    left = await app[PUBLISHER].close()
    if left:
        log.error("stopped with posts that were not acknowledged, and not answered with 202", posts=left)


async def _check(publisher: Publisher) -> dict[str, Any]:
    if not publisher.available:
        raise RuntimeError("no broker can be reached")
    return {"queued": publisher.queued, "last_acknowledged_at": publisher.last_acknowledged_at}
