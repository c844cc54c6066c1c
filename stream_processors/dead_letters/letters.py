"""Records that cannot be processed go to the dead letters, whole, and confirmed before anything is committed."""

import time
from collections.abc import Sequence

from postpulse import __version__, events
from postpulse.events import DeadLetter, Origin
from postpulse.kafka import publisher
from postpulse.kafka.publisher import Publisher
from postpulse.telemetry import metrics
from stream_processors.analysis import ANALYSIS_VERSION
from stream_processors.runtime.batches import Record, copied_headers

_VERSION = f"{__version__}, analysis {ANALYSIS_VERSION}"
#: Some errors quote what they failed at, whole.
_REASON_CHARS = 1000


def letter(record: Record, stage: str, error: Exception, attempt: int = 1) -> DeadLetter:
    """The dead letter of a record.

    Args:
        record: as it was read.
        stage: the agent that gives up on it.
        error: why.
        attempt: which attempt at the record this was.
    """
    return DeadLetter(
        origin=Origin(record.topic, record.partition, record.offset, record.timestamp),
        stage=stage,
        reason=(str(error) or type(error).__name__)[:_REASON_CHARS],
        error_class=type(error).__name__,
        attempt=attempt,
        dead_at=time.time_ns() // 1_000_000,
        version=_VERSION,
        key=record.key,
        value=record.value,
        headers=copied_headers(record),
    )


class DeadLetters:
    """The way to the dead-letter topic."""

    def __init__(self, to: Publisher, topic: str) -> None:
        self._publisher = to
        self._topic = topic

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        """Send letters; returns when the brokers have acknowledged them all.

        Raises:
            PublishError: some are not acknowledged; all are to be sent again.
        """
        await self._publisher.publish(
            [
                publisher.Record(
                    topic=self._topic,
                    # The same record gives the same key, however often it is read.
                    key=f"{sent.origin.topic}/{sent.origin.partition}/{sent.origin.offset}".encode(),
                    value=events.encode(sent),
                    headers=events.headers(DeadLetter),
                )
                for sent in letters
            ],
        )
        for sent in letters:
            metrics.DEAD_LETTERS.labels(sent.stage, sent.error_class).inc()
