"""Drives replays: one at a time, by one worker at a time, in the order in which they were asked for.

Every worker runs one of these; a lease says whose turn it is. Whoever takes over goes on from the stored progress.
What was copied and not noted before a crash is copied again, which has no effect.
"""

import asyncio
import time
from collections.abc import Mapping
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
from postpulse.log_numbers import lifted
from postpulse.mongo.lease import Lease
from postpulse.replays import replay_headers
from postpulse.settings import Settings
from postpulse.telemetry.metrics import REPLAY_COPIED, REPLAY_RUNNING
from postpulse.topics import POSTS, POSTS_REPLAY, topic_name
from stream_processors.replay.log import PostsLog
from stream_processors.replay.rebuild import Rebuild
from stream_processors.replay.store import Replays
from stream_processors.runtime.continuity import Continuity

log = structlog.get_logger(__name__)

_IDLE_SECONDS = 0.3
#: Between two looks whether the agents have caught up: the longer it takes them, the less often we ask.
_SHORTEST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 0.4
_RETRY_SECONDS = 1.0
_RENEW_SECONDS = 1.0
#: Records that are copied between two looks at whether the replay was cancelled.
_PIECE = 100


class LogReplacedError(Exception):
    """A replay's offsets are of a log that is no more."""


class Controller:
    """Runs until it is cancelled.

    Args:
        turn: to drive replays.
        to: started, in the same loop.
        continuity: knows the logs of posts.v1 and posts-replay.v1.
    """

    def __init__(
        self,
        settings: Settings,
        replays: Replays,
        turn: Lease,
        rebuild: Rebuild,
        to: Publisher,
        continuity: Continuity,
    ) -> None:
        self._settings = settings
        self._rebuild = rebuild
        self._replays = replays
        self._turn = turn
        self._publisher = to
        self._continuity = continuity
        self._posts = topic_name(POSTS, settings.kafka)
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
                await self._turn.let_go()

    async def _hold(self) -> bool:
        if time.monotonic() - self._renewed < _RENEW_SECONDS:
            return True
        if not await self._turn.hold():
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
        except (
            RecordTooLargeError,
            LogReplacedError,
            GenerationRefusedError,
            UnknownGenerationError,
        ) as exc:
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
        stored = [self._stored(span) for span in spans]
        return await self._replays.change(
            replay, state="running", started_at=_now(), spans=stored, copied=0, **fills
        )

    async def _copy(self, posts: PostsLog, replay: Document) -> Document | None:
        numbers = self._numbers(replay)
        most = min(_PIECE, self._settings.replay.max_ahead)
        rate = replay.get("rate")
        if rate is not None:
            most = min(most, max(1, int(rate * 0.2)))
        if numbers is None or await self._ahead(posts) + most > self._settings.replay.max_ahead:
            await self._wait()
            return replay if await self._replays.is_open(replay) else None
        self._waits = _SHORTEST_WAIT_SECONDS
        began = time.monotonic()
        messages, following = await asyncio.to_thread(posts.read, replay["spans"], replay.get("places"), most)
        # In place, what is deleted has left its marker, which no copy overcomes; a new generation has none.
        copied = [message for message in messages if message.value() is not None or "generation" in replay]
        records = [self._record(replay["_id"], message, numbers) for message in copied]
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

    def _numbers(self, replay: Document) -> dict[int, int] | None:
        """By partition, the numbers of the logs that are read; None while one must not be.

        Raises:
            LogReplacedError: one is not the log any more that the replay began with.
        """
        numbers: dict[int, int] = {}
        for span in replay["spans"]:
            partition = int(span["partition"])
            number = self._continuity.number(self._posts, partition)
            if None not in (number, span.get("log")) and number != span["log"]:
                raise LogReplacedError(
                    "posts.v1 is not the log any more that this replay began with; ask for it again"
                )
            if number is None:
                return None
            numbers[partition] = number
        return numbers

    async def _ahead(self, posts: PostsLog) -> int:
        """Copies, of any replay, that nobody has looked at."""
        looked_at = await self._replays.looked_at(POSTS_REPLAY.name)
        ends = await asyncio.to_thread(posts.ends)
        ahead = 0
        for partition, (low, end) in ends.items():
            number = self._continuity.number(self._topic, partition)
            if number is None:
                # Not read, so not known: no more is sent after it.
                return self._settings.replay.max_ahead
            done = max(lifted(low, number), looked_at.get(partition, 0))
            ahead += max(0, lifted(end, number) - done)
        return ahead

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

    def _stored(self, span: Document) -> Document:
        partition = int(span["partition"])
        return {
            "partition": partition,
            "log": self._continuity.number(self._posts, partition),
        } | {name: Int64(span[name]) for name in ("from", "to", "next")}

    def _record(self, replay_id: str, message: Message, numbers: Mapping[int, int]) -> publisher.Record:
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
            replay_headers(headers, replay_id, Place(partition, lifted(offset, numbers[partition]))),
        )


def _now() -> datetime:
    return datetime.now(UTC)
