"""What a worker needs before it can begin: a broker with the topics on it, MongoDB with the collections."""

import asyncio

import structlog
from confluent_kafka import KafkaException
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError

from postpulse.collections import Document, apply_collections
from postpulse.generations.changes import ensure_first_generation
from postpulse.kafka.admin import admin_client
from postpulse.settings import KafkaSettings
from postpulse.topics import TOPICS, topic_name
from stream_processors.analysis import ANALYSIS_VERSION

log = structlog.get_logger(__name__)

_ANSWER_SECONDS = 3.0
_PAUSE_SECONDS = 1.0


class WorkerFailedError(Exception):
    """The worker cannot start, or cannot go on; a supervisor should start another."""


async def wait_for_topics(settings: KafkaSettings) -> None:
    """Wait until a broker answers.

    Raises:
        WorkerFailedError: topics are missing.
    """
    client = admin_client(settings)
    while True:
        try:
            existing = await asyncio.to_thread(client.list_topics, timeout=_ANSWER_SECONDS)
            break
        except KafkaException as exc:
            log.warning("waiting for Kafka", servers=settings.bootstrap_servers, reason=exc.args[0].str())
            await asyncio.sleep(_PAUSE_SECONDS)
    missing = [name for topic in TOPICS if (name := topic_name(topic, settings)) not in existing.topics]
    if missing:
        raise WorkerFailedError(
            f"these topics do not exist: {', '.join(missing)}. `postpulse topics apply` creates them."
        )


async def wait_for_collections(database: AsyncDatabase[Document], text_index: bool = False) -> None:
    """Wait until MongoDB answers, and create the collections and indexes that are missing.

    Args:
        text_index: as `apply_collections` has it.

    Raises:
        WorkerFailedError: it refuses.
    """
    while True:
        try:
            await apply_collections(database, text_index)
            await ensure_first_generation(database, ANALYSIS_VERSION)
            return
        except ConnectionFailure as exc:
            log.warning("waiting for MongoDB", reason=str(exc)[:200])
            await asyncio.sleep(_PAUSE_SECONDS)
        except PyMongoError as exc:
            raise WorkerFailedError(f"MongoDB refuses to create collections or indexes: {exc}") from exc
