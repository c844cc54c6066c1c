"""The spool's segments: appended to, read in order, deleted when they are drained. One thread at a time.

What was appended is durable. Draining is at least once: a process that dies between an acknowledgement and the
position that says so sends those records again. That does no harm: a post has one id, and the pipeline ignores the
second record of it; a tombstone that comes again comes again after its post.
"""

import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from postpulse.locks import try_lock
from producer_api.spool import files, frames
from producer_api.spool.files import Position
from producer_api.spool.frames import Spooled

log = structlog.get_logger(__name__)

#: A segment is followed by another when it has reached this size.
SEGMENT_BYTES = 16 * 1024 * 1024


class SpoolTakenError(Exception):
    """Another process has the directory."""


class Entry(NamedTuple):
    """A record where it lies."""

    record: Spooled
    segment: int
    start: int
    end: int


@dataclass(slots=True)
class _Segment:
    number: int
    end: int
    """Up to here it is durable. What lies behind, if anything, was never acknowledged."""
    records: int
    """Not drained yet."""
    bytes: int
    damaged: bool = False


class Segments:
    """All segments of one directory, held by a lock until they are closed.

    Args:
        directory: made where it is missing.
        segment_bytes: when a segment is full.

    Raises:
        SpoolTakenError: another process has the directory.
        OSError: the directory cannot be used.
    """

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.records = 0
        """Not drained yet."""
        self.bytes = 0
        """Of those records."""
        self.oldest_at: int | None = None
        """When the first of them was accepted, in milliseconds since 1970."""
        self._segment_bytes = segment_bytes
        self._segments: deque[_Segment] = deque()
        self._descriptor: int | None = None
        """Of the last segment, while it is appended to."""
        if not directory.is_dir():
            directory.mkdir(parents=True)
            files.sync_directory(directory.parent)
        lock = try_lock(directory / files.LOCK_FILE)
        if lock is None:
            raise SpoolTakenError
        self._lock = lock
        try:
            position = files.read_position(directory)
            if position is None:
                # Twice does no harm, not at all would.
                log.error(
                    "the position of the spool is damaged: all that is in it is sent",
                    directory=str(directory),
                )
            self._position = position or files.BEGINNING
            # Never one that was used before, whatever was lost: the position would be wrong about it.
            self._next_number = max(files.highest_number(directory), self._position.segment) + 1
            self._load()
        except BaseException:
            os.close(lock)
            raise

    def append(self, data: bytes, records: int) -> None:
        """Append frames; they are durable when this returns.

        Args:
            data: the frames.
            records: how many they are.

        Raises:
            OSError: none of them is kept, and what was there before is as it was.
        """
        if self._descriptor is None:
            self._begin_segment()
        segment = self._segments[-1]
        assert self._descriptor is not None
        try:
            files.write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except BaseException:
            self._cut_back(segment)
            raise
        if not self.records:
            self.oldest_at = frames.accepted_at(data)
        segment.end += len(data)
        self._count(segment, records, len(data))
        if segment.end >= self._segment_bytes:
            self._seal()

    def read(self, max_records: int, max_bytes: int) -> list[Entry]:
        """The oldest records that are not drained, of one segment; none where all is drained.

        Args:
            max_bytes: how much is read at once; of one record, all is.

        Raises:
            OSError: a segment cannot be read.
        """
        while self._segments:
            segment = self._segments[0]
            try:
                if entries := self._entries(segment, max_records, max_bytes):
                    return entries
            except FileNotFoundError as exc:
                log.error(  # noqa: TRY400 -- who took it is not in our traceback
                    "a segment of the spool is gone, and its records with it",
                    file=exc.filename,
                    records=segment.records,
                )
            self._remove(segment)
        return []

    def advance(self, entries: Sequence[Entry]) -> None:
        """The first records that are not drained are drained now: forget them."""
        segment, end = self._segments[0], entries[-1].end
        self._count(segment, -len(entries), -sum(entry.end - entry.start for entry in entries))
        self._position = Position(segment.number, end)
        if end >= segment.end:
            self._remove(segment)
        else:
            self._write_position()
        self.oldest_at = self._peek()

    def refuse(self, entry: Entry) -> None:
        """Keep a copy of a record that the brokers will never take.

        Raises:
            OSError: there is none.
        """
        path = files.refused_path(self.directory, entry.segment, entry.start)
        files.write_durably(path, self._read(entry.segment, entry.start, entry.end - entry.start))

    def probe(self) -> None:
        """Try whether the directory can be written.

        Raises:
            OSError: it cannot.
        """
        path = self.directory / ".probe"
        files.write_durably(path, b"\n")
        path.unlink()

    def close(self) -> None:
        """Let go of the directory; what is in it stays."""
        self._seal()
        os.close(self._lock)

    def _load(self) -> None:
        numbers = files.segment_numbers(self.directory)
        for number in numbers:
            path = files.segment_path(self.directory, number)
            drained_to = self._position.offset if number == self._position.segment else 0
            found = files.scan(path, drained_to, is_last=number == numbers[-1])
            if found.torn:
                # Its writer was killed, and has told nobody that it was done.
                log.warning("cut a torn write off the spool", file=str(path), bytes=found.torn)
                os.truncate(path, found.size)
            for offset, size in found.damage:
                log.error(
                    "the spool is damaged: these bytes cannot be read, what follows can; the file is kept",
                    file=str(path),
                    offset=offset,
                    bytes=size,
                )
            segment = _Segment(number, found.size, 0, 0, bool(found.damage))
            self._segments.append(segment)
            if number < self._position.segment:
                self._remove(segment)
                continue
            if not self.records:
                self.oldest_at = found.oldest_at
            self._count(segment, found.records, found.bytes)
        if not self.records:
            # What is left is drained, empty or damaged: that is cleared away here.
            self.read(1, SEGMENT_BYTES)

    def _begin_segment(self) -> None:
        path = files.segment_path(self.directory, self._next_number)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._next_number += 1
        try:
            files.sync_directory(self.directory)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._segments.append(_Segment(int(path.stem), 0, 0, 0))

    def _cut_back(self, segment: _Segment) -> None:
        assert self._descriptor is not None
        # Where even that fails, readers do not go beyond its end, and the next start cuts it.
        with suppress(OSError):
            os.ftruncate(self._descriptor, segment.end)
            os.fsync(self._descriptor)
        # After a failed fsync, nobody knows what the system still holds of a file: go on in another.
        self._seal()
        if not segment.end:
            self._segments.pop()
            with suppress(OSError):
                files.segment_path(self.directory, segment.number).unlink()

    def _seal(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _entries(self, segment: _Segment, max_records: int, max_bytes: int) -> list[Entry]:
        begin = self._first_offset(segment)
        entries: list[Entry] = []
        rest = max(0, segment.end - begin)
        for size in (min(max_bytes, rest), rest):
            data = self._read(segment.number, begin, size)
            for piece in frames.pieces(data):
                if piece.record is None:
                    # The last one may only be cut off by where we stopped reading.
                    if piece.end < len(data) or size == rest:
                        segment.damaged = True
                    continue
                if entries and piece.end > max_bytes:
                    return entries
                entries.append(Entry(piece.record, segment.number, begin + piece.start, begin + piece.end))
                if len(entries) == max_records:
                    return entries
            if entries:
                break
            # A record, or damage, larger than what was read at first: read all there is.
        return entries

    def _read(self, number: int, offset: int, size: int) -> bytes:
        with files.segment_path(self.directory, number).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def _peek(self) -> int | None:
        if not self._segments:
            return None
        segment = self._segments[0]
        with suppress(OSError):
            begin = self._first_offset(segment)
            return frames.accepted_at(self._read(segment.number, begin, frames.HEADER_BYTES))
        return None

    def _first_offset(self, segment: _Segment) -> int:
        return self._position.offset if segment.number == self._position.segment else 0

    def _remove(self, segment: _Segment) -> None:
        """A segment has nothing more to drain."""
        if self._descriptor is not None and segment is self._segments[-1]:
            self._seal()
        self._segments.remove(segment)
        self._count(segment, -segment.records, -segment.bytes)
        if self._position.segment <= segment.number:
            self._position = Position(segment.number + 1, 0)
            self._write_position()
        path = files.segment_path(self.directory, segment.number)
        try:
            if segment.damaged:
                kept = files.damaged_path(self.directory, segment.number)
                path.replace(kept)
                log.error("a damaged segment of the spool is set aside; look at it", file=str(kept))
            else:
                path.unlink()
        except OSError as exc:
            log.warning("a drained segment of the spool stays", file=str(path), reason=exc.strerror)

    def _write_position(self) -> None:
        try:
            files.write_position(self.directory, self._position)
        except OSError as exc:
            # On a full disk, say. Going on makes room; a restart before the next one sends these again.
            log.warning("the position of the spool cannot be written", reason=exc.strerror)

    def _count(self, segment: _Segment, records: int, size: int) -> None:
        segment.records += records
        segment.bytes += size
        self.records += records
        self.bytes += size
