"""Records that cannot be processed go to the dead letters, whole, and confirmed before anything is committed."""

import time
from collections.abc import Sequence

from postpulse import __version__, events
from postpulse.dead_letters import letter_key, redrive_of, without_redrive
from postpulse.events import DeadLetter, Origin
from postpulse.kafka import publisher
from postpulse.kafka.publisher import Publisher
from postpulse.telemetry import metrics
from stream_processors.analysis import ANALYSIS_VERSION
from stream_processors.runtime.batches import Record, copied_headers

_VERSION = f"{__version__}, analysis {ANALYSIS_VERSION}"
#: Some errors quote what they failed at, whole.
_REASON_CHARS = 1000


def letter(record: Record, stage: str, error: Exception) -> DeadLetter:
    """The dead letter of a record; of one that was redriven, with what failed before.

    Args:
        record: as it was read.
        stage: the agent that gives up on it.
        error: why.
    """
    headers = copied_headers(record)
    redrive = redrive_of(record.headers)
    return DeadLetter(
        origin=Origin(record.topic, record.partition, record.offset, record.timestamp),
        stage=stage,
        # What an error quotes may be no text that can be sent.
        reason=(str(error) or type(error).__name__)[:_REASON_CHARS].encode(errors="replace").decode(),
        error_class=type(error).__name__,
        attempt=redrive.attempt if redrive else 1,
        dead_at=time.time_ns() // 1_000_000,
        version=_VERSION,
        key=record.key,
        value=record.value,
        headers=without_redrive(headers) if redrive else headers,
        redriven_from=redrive.redriven_from if redrive else None,
        history=redrive.history if redrive else (),
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
                    key=letter_key(sent.origin).encode(),
                    value=events.encode(sent),
                    headers=events.headers(DeadLetter),
                )
                for sent in letters
            ],
        )
        for sent in letters:
            metrics.DEAD_LETTERS.labels(sent.stage, sent.error_class).inc()

    async def take_away(self, keys: Sequence[str]) -> None:
        """Take letters out of the topic by their keys, and with that out of the collection; acknowledged.

        Raises:
            PublishError: some are not acknowledged; all are to be sent again.
        """
        await self._publisher.publish([publisher.Record(self._topic, key.encode(), None, []) for key in keys])
