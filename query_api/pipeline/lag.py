"""How far the workers are behind, by partition. The brokers are asked rarely, however many ask here."""

import asyncio
import time
from collections import defaultdict
from typing import Any

from postpulse.kafka.admin import AdminError
from postpulse.kafka.lag import PartitionState, describe_partitions
from postpulse.settings import Settings
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, POSTS_REPLAY, topic_name

#: For which an answer holds, and in which there is one.
HOLDS_SECONDS = 2.0
ANSWER_SECONDS = 3.0
_TOPICS = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, POSTS_REPLAY, DEAD_LETTERS)


class LagUnknownError(Exception):
    """The brokers do not say; the message is the reason."""


class Lag:
    """Where the workers' group stands in each partition that it reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asking: asyncio.Task[list[dict[str, Any]]] | None = None
        self._asked_at = 0.0

    async def topics(self) -> list[dict[str, Any]]:
        """Each topic with its partitions, as it is served; at most `HOLDS_SECONDS` old.

        Raises:
            LagUnknownError: there is no answer within `ANSWER_SECONDS`.
        """
        asking = self._asking
        # One question at a time: while the brokers are away, each takes a thread until it fails.
        if asking is None or (asking.done() and time.monotonic() - self._asked_at > HOLDS_SECONDS):
            self._asked_at = time.monotonic()
            asking = self._asking = asyncio.create_task(asyncio.to_thread(self._ask))
            # Whoever has given up waiting does not hear how it ended.
            asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            # Others wait for the same answer.
            return await asyncio.wait_for(asyncio.shield(asking), ANSWER_SECONDS)
        except TimeoutError:
            raise LagUnknownError(f"the brokers do not answer within {ANSWER_SECONDS:g} s") from None
        except AdminError as exc:
            raise LagUnknownError(str(exc)) from None

    def close(self) -> None:
        """Nobody waits any more; what a thread still asks has an end of its own."""
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self) -> list[dict[str, Any]]:
        by_topic: dict[str, list[PartitionState]] = defaultdict(list)
        for state in describe_partitions(self._settings, _TOPICS):
            by_topic[state.topic].append(state)
        return [
            {
                "topic": topic.name,
                "lag": sum(state.lag or 0 for state in states),
                "partitions": [
                    {
                        "partition": state.partition,
                        "end": state.high,
                        "committed": state.committed,
                        "lag": state.lag or 0,
                    }
                    for state in states
                ],
            }
            for topic in _TOPICS
            if (states := by_topic[topic_name(topic, self._settings.kafka)])
        ]
