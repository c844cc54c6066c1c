"""Drives replays: one at a time, by one worker at a time, in the order in which they were asked for.

Every worker runs one of these; a lease says whose turn it is. Whoever takes over goes on from the stored progress.
What was copied and not noted before a crash is copied again, which has no effect.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import cast

import structlog
from bson import Int64
from confluent_kafka import KafkaException, Message
from pymongo.errors import PyMongoError

from postpulse.collections import Document
from postpulse.events import Place
from postpulse.generations.changes import GenerationRefusedError, UnknownGenerationError
from postpulse.kafka import publisher
from postpulse.kafka.admin import AdminError
from postpulse.kafka.publisher import Publisher, PublishError, RecordTooLargeError
from postpulse.replays import replay_headers
from postpulse.settings import Settings
from postpulse.telemetry.metrics import REPLAY_COPIED, REPLAY_RUNNING
from postpulse.topics import POSTS_REPLAY, topic_name
from stream_processors.replay.log import PostsLog
from stream_processors.replay.rebuild import Rebuild
from stream_processors.replay.store import Replays

log = structlog.get_logger(__name__)

_IDLE_SECONDS = 0.3
#: Between two looks whether the agents have caught up: the longer it takes them, the less often we ask.
_SHORTEST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 0.4
_RETRY_SECONDS = 1.0
_RENEW_SECONDS = 1.0
#: Records that are copied between two looks at whether the replay was cancelled.
_PIECE = 100


class Controller:
    """Runs until it is cancelled.

    Args:
        to: started, in the same loop.
    """

    def __init__(self, settings: Settings, replays: Replays, rebuild: Rebuild, to: Publisher) -> None:
        self._settings = settings
        self._rebuild = rebuild
        self._replays = replays
        self._publisher = to
        self._topic = topic_name(POSTS_REPLAY, settings.kafka)
        self._log: PostsLog | None = None
        self._renewed = 0.0
        self._waits = _SHORTEST_WAIT_SECONDS

    async def run(self) -> None:
        try:
            while True:
                pause = _IDLE_SECONDS
                try:
                    replay = await self._replays.next()
                    if replay is not None and await self._hold():
                        REPLAY_RUNNING.set(1)
                        await self._drive(replay)
                        pause = 0.0
                except (PyMongoError, PublishError, KafkaException, AdminError) as exc:
                    log.warning("replay waits", reason=str(exc)[:300])
                    pause = _RETRY_SECONDS
                REPLAY_RUNNING.set(0)
                await asyncio.sleep(pause)
        finally:
            REPLAY_RUNNING.set(0)
            if self._log is not None:
                await asyncio.to_thread(self._log.close)
                await self._replays.let_go()

    async def _hold(self) -> bool:
        if time.monotonic() - self._renewed < _RENEW_SECONDS:
            return True
        if not await self._replays.hold():
            return False
        self._renewed = time.monotonic()
        return True

    async def _drive(self, replay: Document) -> None:
        """Take a replay to its end; returns before that where it is over, or no longer ours."""
        if self._log is None:
            self._log = PostsLog(self._settings.kafka)
        try:
            driven: Document | None = replay
            if replay["state"] == "waiting":
                driven = await self._start(self._log, replay)
            while driven is not None and await self._hold():
                if all(span["next"] >= span["to"] for span in driven["spans"]):
                    await self._finish(self._log, driven)
                    return
                driven = await self._copy(self._log, driven)
        except (RecordTooLargeError, GenerationRefusedError, UnknownGenerationError) as exc:
            await self._replays.fail(replay["_id"], str(exc))
            log.warning("replay failed", replay=replay["_id"], reason=str(exc))
        except (PyMongoError, PublishError, KafkaException, AdminError):
            raise
        except Exception as exc:
            # Tried again, it would hold up all that come after it.
            await self._replays.fail(replay["_id"], repr(exc)[:500])
            log.exception("replay failed", replay=replay["_id"])

    async def _start(self, posts: PostsLog, replay: Document) -> Document | None:
        fills: dict[str, int] = {}
        if "into" in replay:
            fills["generation"] = await self._rebuild.begin(replay["_id"])
        # After the generation is made: what is written to the log from now on goes there as well.
        spans = await asyncio.to_thread(posts.spans, replay)
        log.info("replay started", replay=replay["_id"], partitions=len(spans), **fills)
        stored = [_stored(span) for span in spans]
        return await self._replays.change(
            replay, state="running", started_at=_now(), spans=stored, copied=0, **fills
        )

    async def _copy(self, posts: PostsLog, replay: Document) -> Document | None:
        most = min(_PIECE, self._settings.replay.max_ahead)
        rate = replay.get("rate")
        if rate is not None:
            most = min(most, max(1, int(rate * 0.2)))
        if await self._ahead(posts) + most > self._settings.replay.max_ahead:
            await self._wait()
            return replay if await self._replays.is_open(replay) else None
        self._waits = _SHORTEST_WAIT_SECONDS
        began = time.monotonic()
        messages, following = await asyncio.to_thread(posts.read, replay["spans"], replay.get("places"), most)
        # In place, what is deleted has left its marker, which no copy overcomes; a new generation has none.
        copied = [message for message in messages if message.value() is not None or "generation" in replay]
        records = [self._record(replay["_id"], message) for message in copied]
        await self._publisher.publish(records)
        REPLAY_COPIED.inc(len(records))
        after = await self._replays.copied(replay, following, len(records))
        if rate is not None:
            # A slow rate, record by record: somebody may cancel meanwhile.
            until = began + len(records) / rate
            while after is not None and (left := until - time.monotonic()) > 0 and await self._hold():
                await asyncio.sleep(min(left, 0.2))
                after = after if await self._replays.is_open(after) else None
        return after

    async def _ahead(self, posts: PostsLog) -> int:
        """Copies, of any replay, that nobody has looked at."""
        looked_at = await self._replays.looked_at(POSTS_REPLAY.name)
        ends = await asyncio.to_thread(posts.ends)
        return sum(
            max(0, end - max(low, looked_at.get(partition, 0))) for partition, (low, end) in ends.items()
        )

    async def _finish(self, posts: PostsLog, replay: Document) -> None:
        generation = replay.get("generation")
        if await self._ahead(posts) == 0 and (generation is None or await self._rebuild.end(generation)):
            await self._replays.change(replay, state="done", ended_at=_now())
            log.info("replay done", replay=replay["_id"], copied=replay["copied"])
        else:
            await self._wait()

    async def _wait(self) -> None:
        await asyncio.sleep(self._waits)
        self._waits = min(self._waits * 2, _LONGEST_WAIT_SECONDS)

    def _record(self, replay_id: str, message: Message) -> publisher.Record:
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        # The key, and with it the partition, is that of the post: its copies stay in order.
        carried = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        headers = [(name, value or b"") for name, value in carried]
        return publisher.Record(
            self._topic,
            message.key(),
            message.value(),
            replay_headers(headers, replay_id, Place(partition, offset)),
        )


def _stored(span: Document) -> Document:
    return {"partition": span["partition"]} | {name: Int64(span[name]) for name in ("from", "to", "next")}


def _now() -> datetime:
    return datetime.now(UTC)
