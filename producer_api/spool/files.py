"""The files of a spool directory: their names, what a segment holds, how far it is drained.

000000000001.segment        frames, in the order in which they were accepted
000000000001.damaged        a segment that is drained but for what could not be read
000000000001-512.refused    the frame at this place, which the brokers will never take
position.json               the segment and the offset up to which all is drained
lock                        held by the one process that has the spool
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from producer_api.spool.frames import is_torn, pieces

LOCK_FILE = "lock"
POSITION_FILE = "position.json"
_SEGMENT = ".segment"
_DAMAGED = ".damaged"
_REFUSED = ".refused"


class Position(NamedTuple):
    """All before it is drained."""

    segment: int
    offset: int


BEGINNING = Position(0, 0)


@dataclass(slots=True)
class Scan:
    """What a segment file holds.

    Attributes:
        size: bytes up to the end of what was found; a torn tail does not count.
        records, bytes: of the frames that are not drained.
        oldest_at: when the first of them was accepted, in milliseconds since 1970.
        damage: (offset, bytes) of what is no frame.
        torn: bytes at the end of which the write was cut off.
    """

    size: int = 0
    records: int = 0
    bytes: int = 0
    oldest_at: int | None = None
    damage: list[tuple[int, int]] = field(default_factory=list)
    torn: int = 0


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:012d}{_SEGMENT}"


def damaged_path(directory: Path, number: int) -> Path:
    return directory / f"{number:012d}{_DAMAGED}"


def refused_path(directory: Path, number: int, offset: int) -> Path:
    return directory / f"{number:012d}-{offset}{_REFUSED}"


def segment_numbers(directory: Path) -> list[int]:
    """Of the segments that are there, in order."""
    return sorted(_numbers(directory, _SEGMENT))


def highest_number(directory: Path) -> int:
    """Of all files that are called after a segment; 0 where there is none."""
    return max(
        (n for suffix in (_SEGMENT, _DAMAGED, _REFUSED) for n in _numbers(directory, suffix)), default=0
    )


def set_aside(directory: Path) -> list[Path]:
    """The files with accepted records that did not get through and never will by themselves."""
    return sorted(path for suffix in (_DAMAGED, _REFUSED) for path in directory.glob(f"*{suffix}"))


def scan(path: Path, drained_to: int = 0, *, is_last: bool = False) -> Scan:
    """Look at all of a segment.

    Args:
        drained_to: the offset up to which it is drained.
        is_last: nothing was written after it, so that its last write may have been cut off.

    Raises:
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    found = Scan(len(data))
    for piece in pieces(data):
        length = piece.end - piece.start
        if piece.record is not None:
            if piece.start >= drained_to:
                found.records += 1
                found.bytes += length
                found.oldest_at = found.oldest_at or piece.accepted_at
        elif is_last and piece.end == len(data) and is_torn(data[piece.start :]):
            found.torn = length
            found.size = piece.start
        else:
            found.damage.append((piece.start, length))
    return found


def read_position(directory: Path) -> Position | None:
    """How far the spool is drained; None where the file that says it is damaged.

    Raises:
        OSError: the file is there and cannot be read.
    """
    path = directory / POSITION_FILE
    try:
        kept = json.loads(path.read_bytes())
        return Position(int(kept["segment"]), int(kept["offset"]))
    except FileNotFoundError:
        return BEGINNING
    except (ValueError, KeyError, TypeError):
        return None


def write_position(directory: Path, position: Position) -> None:
    """Replace the position, whole and durable.

    Raises:
        OSError: it stays as it was.
    """
    write_durably(directory / POSITION_FILE, json.dumps(position._asdict()).encode())


def write_durably(path: Path, data: bytes) -> None:
    """A file that is there whole, even after the power fails, or not at all.

    Raises:
        OSError: it is as it was before.
    """
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_directory(directory: Path) -> None:
    """Make durable which files are in a directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _numbers(directory: Path, suffix: str) -> Iterator[int]:
    for path in directory.glob(f"*{suffix}"):
        number = path.stem.partition("-")[0]
        if number.isdecimal():
            yield int(number)
