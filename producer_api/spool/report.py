"""What is in a spool directory, for people and scripts; looked at from beside, while a service may use it."""

import errno
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from producer_api.spool import files


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that cannot be read as what they should be."""

    file: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SpoolReport:
    """What is in a spool.

    Attributes:
        records, bytes: that are not drained.
        oldest_age_seconds: since the first of them was accepted; None where there is none.
        torn_bytes: at its end, of a write that was cut off or is under way; nobody was told that it was done.
        damage: what cannot be read. What follows it can.
        set_aside: files with accepted records that did not get through and never will by themselves.
    """

    directory: str
    segments: int
    records: int
    bytes: int
    oldest_age_seconds: float | None
    torn_bytes: int
    damage: tuple[Damage, ...]
    set_aside: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.damage and not self.set_aside

    def document(self) -> dict[str, Any]:
        return asdict(self)


def look(directory: Path) -> SpoolReport:
    """Read all of a spool, and change nothing.

    Raises:
        OSError: there is no such directory, or it cannot be read.
    """
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is no directory")
    damage: list[Damage] = []
    position = files.read_position(directory)
    if position is None:
        damage.append(Damage(files.POSITION_FILE, 0, (directory / files.POSITION_FILE).stat().st_size))
        position = files.BEGINNING
    numbers = [number for number in files.segment_numbers(directory) if number >= position.segment]
    records = size = torn = segments = 0
    oldest_at: int | None = None
    for number in numbers:
        path = files.segment_path(directory, number)
        drained_to = position.offset if number == position.segment else 0
        try:
            found = files.scan(path, drained_to, is_last=number == numbers[-1])
        except FileNotFoundError:
            # The service has drained it since it was listed.
            continue
        segments += 1
        records += found.records
        size += found.bytes
        torn += found.torn
        oldest_at = oldest_at or found.oldest_at
        damage += (Damage(path.name, offset, length) for offset, length in found.damage)
    return SpoolReport(
        directory=str(directory),
        segments=segments,
        records=records,
        bytes=size,
        oldest_age_seconds=None if oldest_at is None else max(0.0, round(time.time() - oldest_at / 1000, 3)),
        torn_bytes=torn,
        damage=tuple(damage),
        set_aside=tuple(path.name for path in files.set_aside(directory)),
    )
