"""Where a reader of `post-analyses.v1` stands, and how the id of an event says so.

An id names the log and, of each partition, the offset that is to be read next: whoever comes back with it goes on
exactly there, at any process of the API, whatever order that one reads the partitions in.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_ID = re.compile(r"(?P<version>[1-9][0-9]{0,3})\.(?P<rest>[A-Za-z0-9_-]{1,8000})")
_VERSION = "1"
_LOG_BYTES = 16
#: More than `kafka.partitions` allows.
_MOST_PARTITIONS = 10_000
_MOST_OFFSET = 2**63


class NoIdError(ValueError):
    """What was given is no id of an event of ours."""


class OtherVersionError(ValueError):
    """An id in a form that this process does not know: of a newer or a former version of the API."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log.

    Attributes:
        log: the id that Kafka gave the topic, 16 bytes. A topic that is made again has another one.
        offsets: by partition, the next one to be read.
    """

    log: bytes
    offsets: list[int]

    @property
    def id(self) -> str:
        """The id of an event after which a reader stands here."""
        lowest = min(self.offsets)
        # As partitions fill evenly, distances are small: 6 partitions take 40 characters, 1,000 less than 6,000.
        numbers = (lowest, *(offset - lowest for offset in self.offsets))
        packed = urlsafe_b64encode(self.log + b"".join(map(_packed, numbers)))
        return f"{_VERSION}.{packed.rstrip(b'=').decode()}"

    def copy(self) -> "Position":
        return Position(self.log, self.offsets.copy())

    def within(self, partitions: int) -> "Position":
        """The same in a topic that has got more partitions since: of those nothing was read."""
        return Position(self.log, self.offsets + [0] * (partitions - len(self.offsets)))

    def before(self, other: "Position") -> dict[int, tuple[int, int]]:
        """Partition -> the offsets, first and end, that lie between this place and a later one of the same log."""
        pairs = zip(self.offsets, other.offsets, strict=True)
        return {partition: (first, end) for partition, (first, end) in enumerate(pairs) if first < end}


def position_of(event_id: str) -> Position:
    """The place that an id tells.

    Raises:
        NoIdError: it is none.
        OtherVersionError: it may be one, of another version.
    """
    found = _ID.fullmatch(event_id)
    if found is None:
        raise NoIdError(event_id)
    if found["version"] != _VERSION:
        raise OtherVersionError(event_id)
    try:
        packed = urlsafe_b64decode(found["rest"] + "=" * (-len(found["rest"]) % 4))
        lowest, *distances = _numbers(packed[_LOG_BYTES:])
    except ValueError:
        raise NoIdError(event_id) from None
    offsets = [lowest + distance for distance in distances]
    if not 1 <= len(offsets) <= _MOST_PARTITIONS or max(offsets) >= _MOST_OFFSET:
        raise NoIdError(event_id)
    return Position(packed[:_LOG_BYTES], offsets)


def records_between(spans: Iterable[tuple[int, int]]) -> int:
    """How many records lie there at most: a compacted log has gaps."""
    return sum(end - first for first, end in spans)


def _packed(number: int) -> bytes:
    """Seven bits a byte, lowest first; all bytes but the last have the eighth."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(packed: Sequence[int]) -> Iterator[int]:
    number, shift = 0, 0
    for byte in packed:
        number |= (byte & 127) << shift
        shift += 7
        if shift > 70:
            raise ValueError("a number has ten bytes at most")
        if byte < 128:
            yield number
            number, shift = 0, 0
    if shift:
        raise ValueError("the last number has no end")
