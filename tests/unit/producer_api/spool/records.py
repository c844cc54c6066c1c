"""Records for spools under test, and what is in them."""

from pathlib import Path

from postpulse.kafka.publisher import Record
from producer_api.spool import files, frames
from producer_api.spool.frames import Spooled
from producer_api.spool.segments import Segments


def record(value: bytes) -> Record:
    return Record("posts", b"key", value, [("schema", b"Post/1")])


def frame(value: bytes | None, accepted_at: int = 1_700_000_000_000) -> bytes:
    return frames.encode(Spooled(b"key", value, [("schema", b"Post/1")]), accepted_at)


def filled(directory: Path, *values: bytes | None, segment_bytes: int = 1 << 20) -> list[Path]:
    """Put values into a spool, each by itself; the paths of its segments."""
    segments = Segments(directory, segment_bytes)
    for value in values:
        segments.append(frame(value), 1)
    segments.close()
    return [files.segment_path(directory, number) for number in files.segment_numbers(directory)]


def drained(segments: Segments, at_once: int = 3) -> list[bytes | None]:
    """The values that were left, in order; there are none afterwards."""
    values = []
    while entries := segments.read(at_once, 1000):
        values += [entry.record.value for entry in entries]
        segments.advance(entries)
    assert (segments.records, segments.bytes, segments.oldest_at) == (0, 0, None)
    assert files.segment_numbers(segments.directory) == []
    return values


def reopened(directory: Path) -> list[bytes | None]:
    """What a new process finds and drains."""
    segments = Segments(directory)
    try:
        count = segments.records
        values = drained(segments)
        assert len(values) == count
        return values
    finally:
        segments.close()


def flip(path: Path, offset: int) -> None:
    """Damage one bit of a byte."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)
