"""Which log the topic of analyses has now: Kafka's id of the topic, and its partitions."""

import time
from base64 import b64decode
from concurrent.futures import Future
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not so that mypy sees it
    AdminClient,
    TopicDescription,
)

_ASK_SECONDS = 2.0
_PAUSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Log:
    """One log of the topic.

    Attributes:
        id: of 16 bytes; a topic that is deleted and made again gets another one.
    """

    id: bytes
    partitions: int


class LogWatch:
    """Asks every few seconds which log there is, and goes on with other things until the answer is there.

    A consumer would not notice where the log that was made again has the offset that it reads at.
    """

    def __init__(self, client: AdminClient, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._known: Log | None = None
        self._asked: Future[TopicDescription] | None = None
        self._ask_again_at = 0.0

    def ask(self) -> Log:
        """The log as it is. Blocks.

        Raises:
            KafkaException: there is none, or the brokers do not say.
        """
        self._asked = None
        self._known = _log(self._question().result())
        return self._known

    def changed(self) -> bool:
        """Whether it is known to be another one than at the last `ask`. Does not block."""
        if self._asked is None:
            if time.monotonic() >= self._ask_again_at:
                self._asked = self._question()
            return False
        if not self._asked.done():
            return False
        answered, self._asked = self._asked, None
        try:
            return _log(answered.result()) != self._known
        except KafkaException:
            # The consumer hears of it as well, and knows whether it has to wait.
            return False

    def _question(self) -> "Future[TopicDescription]":
        self._ask_again_at = time.monotonic() + _PAUSE_SECONDS
        topics = TopicCollection([self._topic])
        asked = self._client.describe_topics(topics, request_timeout=_ASK_SECONDS)
        question: Future[TopicDescription] = asked[self._topic]
        return question


def _log(described: TopicDescription) -> Log:
    # 16 bytes in base64, written without its padding.
    return Log(b64decode(f"{described.topic_id}=="), len(described.partitions))
