"""One order over all logs that a topic has had.

Kafka counts from 0 again where a topic is deleted and made again, and gives offsets a second time where a log was
cut at its end. What decides which word on a post is later, and what had its effects already, must not. So each log
of a partition has a number, the first one 0, and wherever an offset is kept (checkpoints, the places of documents,
chunks and dead letters) it is that number times 2^40 and the offset. In the first log it is what Kafka has.
"""

from collections.abc import Mapping
from typing import Any

#: More records than a partition will ever have; and 8,192 logs are exact in a number of JavaScript.
_LOG = 1 << 40


def lifted(offset: int, number: int) -> int:
    """The place of an offset of the log with this number."""
    return number * _LOG + offset


def lowered(place: int) -> tuple[int, int]:
    """The number of the log that a place is of, and the offset there."""
    return divmod(place, _LOG)


def number_in(document: Mapping[str, Any] | None, partition: int) -> int:
    """The number of a partition's log, by its topic's document in `postpulse.collections.LOGS`, if there is one."""
    if document is None:
        return 0
    return int(document["numbers"].get(str(partition), document["number"]))
