"""The Faust app with its agents, wired to Kafka and MongoDB; one worker process runs one of it."""

import asyncio
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import faust
import structlog
from aiohttp import web
from pymongo import AsyncMongoClient

from postpulse.collections import GUARDS, Document
from postpulse.garbage import tune_garbage_collection
from postpulse.kafka.publisher import Publisher
from postpulse.mongo.client import connect, database
from postpulse.mongo.lease import Lease
from postpulse.settings import Settings
from postpulse.topics import (
    DEAD_LETTERS,
    POST_ANALYSES,
    POST_CHUNK_ANALYSES,
    POST_CHUNKS,
    POSTS,
    POSTS_REPLAY,
    topic_name,
)
from postpulse.web.application import Install, create_application
from postpulse.web.server import set_up
from stream_processors import analysis
from stream_processors.agents import analyze, ingest, keep_letters, merge, replay
from stream_processors.dead_letters.letters import DeadLetters
from stream_processors.monitoring import LoopLag, add_checks
from stream_processors.replay.controller import Controller
from stream_processors.replay.pace import Pace
from stream_processors.replay.rebuild import Rebuild
from stream_processors.replay.store import Replays
from stream_processors.runtime.batch_app import add_agent, create_batch_app
from stream_processors.runtime.continuity import Continuity
from stream_processors.runtime.guards import Guards
from stream_processors.runtime.retries import Process, Safeguards
from stream_processors.runtime.transport import BatchConsumer
from stream_processors.sink.generations import look_after_generations
from stream_processors.sink.rollup import look_after_counters
from stream_processors.sink.transaction import Sink
from stream_processors.startup import (
    WorkerFailedError,
    wait_for_collections,
    wait_for_topics,
)

log = structlog.get_logger(__name__)

#: What a worker does beside its agents, from when they have started until they stop.
Beside = Callable[[], Coroutine[Any, Any, None]]


async def run_worker(settings: Settings) -> None:
    """Run one worker until SIGINT or SIGTERM; a second one ends the process at once.

    Once it is to stop, the process lives for a few seconds at most: whatever hangs then, work that is not finished
    is found and done by another worker, as after a crash.

    Raises:
        WorkerFailedError: it cannot start, or cannot go on.
    """
    stop = _stop_on_signals()
    publisher = Publisher(settings.kafka, "postpulse-worker")
    publisher.start()
    client = connect(settings.mongo, "postpulse-worker")
    collections = database(client, settings.mongo)
    sink = Sink(client, collections)
    replays = Replays(collections)
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    safeguards = Safeguards(settings.worker, Guards(collections[GUARDS.name], settings.worker.max_kills))
    continuity = Continuity(
        settings, collections, (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, DEAD_LETTERS, POSTS_REPLAY)
    )
    app = create_app(settings, sink, publisher, safeguards, replays, continuity)
    lag = LoopLag()
    runner = await _serve_health(
        settings, lambda served: add_checks(served, app, client, publisher, lag, safeguards, continuity)
    )
    rebuild = Rebuild(collections, settings.replay.grace_seconds, settings.mongo.has_text_index)
    controller = Controller(
        settings, replays, Lease(collections, "replays", owner), rebuild, publisher, continuity
    )
    beside: list[Beside] = [
        controller.run,
        lambda: look_after_generations(collections),
        lambda: look_after_counters(collections, settings.counters, Lease(collections, "counters", owner)),
    ]
    running = asyncio.create_task(_run(settings, app, client, lag, safeguards, continuity, beside))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        _end_process_after(settings.worker.rebalance_grace_seconds + 1.5, 0 if stop.is_set() else 1)
        stopping.cancel()
        running.cancel()
        await asyncio.wait((running,))
        await app.stop()
        left = await publisher.close()
        await sink.checkpoints.close()
        await client.close()
        await runner.cleanup()
        if left:
            log.warning("results left unsent, to be told again", records=left)
    if not running.cancelled():
        running.result()


async def _run(
    settings: Settings,
    app: faust.App,
    client: AsyncMongoClient[Document],
    lag: LoopLag,
    safeguards: Safeguards,
    continuity: Continuity,
    beside: Sequence[Beside],
) -> None:
    await wait_for_topics(settings.kafka)
    collections = database(client, settings.mongo)
    await wait_for_collections(collections, settings.mongo.has_text_index)
    watching = asyncio.create_task(continuity.run())
    # What the first post would wait for: models, word lists, patterns.
    analysis.analyze("Warm up with all of it, @everybody: https://a.example/ is #great 😀")
    # Not once it is a member of its group: this one collection takes longer than the loop may be blocked then.
    tune_garbage_collection()
    try:
        await app.start()
    except Exception as exc:
        watching.cancel()
        raise WorkerFailedError(f"cannot start: {exc!r}") from exc
    tasks = [watching, *(asyncio.create_task(each()) for each in beside)]
    try:
        async with lag, safeguards.watchdog:
            await app.wait_until_stopped()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if app.crashed:
        raise WorkerFailedError(f"cannot go on: {app.crash_reason!r}")


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()

    def handle() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, handle)
    return stop


def _end_process_after(seconds: float, code: int) -> None:
    # A thread, since Faust's stop may block the event loop on a consumer that waits for a broker.
    def end() -> None:
        log.warning("stopping took too long, ending the process", seconds=seconds)
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def create_app(
    settings: Settings,
    sink: Sink,
    publisher: Publisher,
    safeguards: Safeguards,
    replays: Replays,
    continuity: Continuity,
) -> faust.App:
    """The app with its agents.

    Args:
        settings: of the whole product.
        sink: where effects go.
        publisher: started, in the same loop.
        safeguards: of this worker.
        replays: that it may drive.
        continuity: of the topics that the agents read.
    """
    worker = settings.worker
    app = create_batch_app(worker.group, settings, safeguards, continuity)
    dead_letters, posts = topic_name(DEAD_LETTERS, settings.kafka), topic_name(POSTS, settings.kafka)
    letters = DeadLetters(publisher, dead_letters)
    analyses = topic_name(POST_ANALYSES, settings.kafka)
    destinations = ingest.Destinations(analyses, topic_name(POST_CHUNKS, settings.kafka))
    processes: dict[str, tuple[str, Process]] = {
        ingest.STAGE: (
            posts,
            ingest.Ingest(sink, publisher, letters, destinations, POSTS.name, worker.chunk_chars).process,
        ),
        analyze.STAGE: (
            topic_name(POST_CHUNKS, settings.kafka),
            analyze.Analyze(publisher, letters, topic_name(POST_CHUNK_ANALYSES, settings.kafka)).process,
        ),
        merge.STAGE: (
            topic_name(POST_CHUNK_ANALYSES, settings.kafka),
            merge.Merge(sink, publisher, letters, analyses, POST_CHUNK_ANALYSES.name).process,
        ),
        keep_letters.STAGE: (
            dead_letters,
            keep_letters.KeepLetters(sink, letters, DEAD_LETTERS.name, posts).process,
        ),
    }
    for stage, (topic, process) in processes.items():
        add_agent(app, stage, topic, process, worker.concurrency, safeguards)
    replayed = topic_name(POSTS_REPLAY, settings.kafka)
    again = replay.Replay(
        sink,
        publisher,
        letters,
        replays,
        replay.Topics(posts, analyses),
        POSTS_REPLAY.name,
        Pace(
            lambda: cast(BatchConsumer, app.consumer),
            [topic for topic, _ in processes.values()],
            replayed,
            settings.replay.max_share,
        ),
    )
    # One batch at a time, so that its pauses are this worker's.
    add_agent(app, replay.STAGE, replayed, again.process, 1, safeguards)
    return app


async def _serve_health(settings: Settings, add: Install) -> web.AppRunner:
    application = create_application(settings, add)
    runner = await set_up(application, settings.http.shutdown_grace_seconds)
    site = web.TCPSite(runner, settings.http.host, settings.worker.metrics_port)
    try:
        await site.start()
    except OSError as exc:
        raise WorkerFailedError(
            f"cannot serve health on {settings.http.host}:{settings.worker.metrics_port}: {exc.strerror}; "
            "set POSTPULSE_WORKER_METRICS_PORT (0 takes a free port)"
        ) from None
    host, port = runner.addresses[0][:2]
    log.info("worker metrics and health", address=f"http://{host}:{port}")
    return runner
