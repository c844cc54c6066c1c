"""The ingest API, wired: publisher, spool, intake, routes, health. `install` adds it to an application."""

from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiohttp import web

from postpulse.kafka.publisher import Patience, Publisher
from postpulse.post_ids import PostIds
from postpulse.topics import POSTS, topic_name
from postpulse.web import health
from postpulse.web.application import SETTINGS
from producer_api.acceptance import Acceptance
from producer_api.intake import Intake
from producer_api.keys import ACCEPTANCE, IDS, INTAKE, PUBLISHER
from producer_api.routes import batch, posts
from producer_api.spool.drain import Drain
from producer_api.spool.spool import Spool

log = structlog.get_logger(__name__)


def install(app: web.Application) -> None:
    """Add the ingest API.

    Raises:
        ConfigurationError: there is no key to make post ids with.
    """
    settings = app[SETTINGS]
    ids = PostIds.from_settings(settings.ids)
    kafka = settings.kafka.model_copy(update={"compression": settings.intake.compression})
    topic = topic_name(POSTS, settings.kafka)
    directory = settings.spool.directory
    spool = Spool(directory, settings.spool.max_bytes) if directory is not None else None
    # Where there is no spool, or no room in it, there is nothing better to do than to wait.
    patience = (
        Patience(settings.spool.patience_seconds, lambda: spool.has_room) if spool is not None else None
    )
    publisher = Publisher(kafka, "postpulse-producer-api", patience)
    app[IDS] = ids
    app[PUBLISHER] = publisher
    app[INTAKE] = Intake(settings.intake, ids)
    app[ACCEPTANCE] = Acceptance(publisher, topic, spool)
    if spool is not None:
        # Opened first and closed last: what the publisher does not take goes there.
        app.cleanup_ctx.append(lambda _: _spooling(spool))
    app.cleanup_ctx.append(_publishing)
    if spool is not None:
        drain = Drain(spool, publisher, topic)
        app[health.CHECKS]["spool"] = lambda: _check_spool(spool, drain)
        app.cleanup_ctx.append(lambda _: _draining(drain, settings.http.shutdown_grace_seconds))
    app[health.CHECKS]["kafka"] = lambda: _check_kafka(publisher, spool)
    # Before /{post_id}/, which would take "batch" for an id.
    batch.install(app)
    posts.install(app)


async def _publishing(app: web.Application) -> AsyncIterator[None]:
    app[PUBLISHER].start()
    yield
    left = await app[PUBLISHER].close()
    if left:
        log.error(
            "stopped with records that were not acknowledged; none was answered with 202, or it is in the spool",
            records=left,
        )


async def _spooling(spool: Spool) -> AsyncIterator[None]:
    await spool.open()
    yield
    await spool.close()


async def _draining(drain: Drain, grace_seconds: float) -> AsyncIterator[None]:
    drain.start()
    yield
    await drain.stop(grace_seconds)


async def _check_kafka(publisher: Publisher, spool: Spool | None) -> dict[str, Any]:
    details = {"queued": publisher.queued, "last_acknowledged_at": publisher.last_acknowledged_at}
    if publisher.available:
        return {"reachable": True, **details}
    if spool is None or not spool.has_room:
        raise RuntimeError("no broker can be reached")
    # Posts are accepted all the same.
    return {"reachable": False, "note": "no broker can be reached: posts go into the spool", **details}


async def _check_spool(spool: Spool, drain: Drain) -> dict[str, Any]:
    try:
        await spool.probe()
    except OSError as exc:
        raise RuntimeError(f"{spool.directory} cannot be written: {exc.strerror}") from None
    if not spool.has_room:
        raise RuntimeError(f"full: it holds {spool.bytes} of at most {spool.max_bytes} bytes")
    return {
        "bytes": spool.bytes,
        "limit": spool.max_bytes,
        "records": spool.records,
        "oldest_age_seconds": spool.oldest_age_seconds,
        "complaint": drain.complaint,
    }
