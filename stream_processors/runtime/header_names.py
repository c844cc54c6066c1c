"""Reads records whose header names are no UTF-8: brokers take them, and aiokafka ends the consumer at each.

Its fast decoder cannot be told otherwise, so the slower one in Python takes over for a while, with names as they
can be read. Until then nobody pays for it.
"""

import time
from typing import Any

import structlog
from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records

log = structlog.get_logger(__name__)

#: Long enough that what was fetched is read, and its neighbours.
_LENIENT_SECONDS = 30.0


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, "backslashreplace")


class _Buffer(bytearray):
    """Whatever is cut out of it can be read as text. Only header names are."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Name(found) if isinstance(place, slice) else found


class _Batch(default_records._DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        if not self._decompressed:
            super()._maybe_uncompress()
            self._buffer = _Buffer(self._buffer)


class _LenientRecords(memory_records._MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self, *options: Any) -> Any:
        batch = self._next_slice
        if batch is None or batch[self.MAGIC_OFFSET] < 2:
            return super().next_batch(*options)
        self._cache_next()
        return _Batch(bytearray(batch))


_strict = fetcher.MemoryRecords
_lenient_until = 0.0


def _records(data: bytes) -> Any:
    return _LenientRecords(data) if time.monotonic() < _lenient_until else _strict(data)


class _FetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """What was fetched of one partition; says that nothing is there where it cannot be decoded yet.

    The position stays, so it is fetched again. An error would take with it what the same call has got of other
    partitions, whose positions have moved: nobody would read that again.
    """

    def getall(self, max_records: int | None = None) -> list[Any]:
        global _lenient_until
        try:
            found: list[Any] = super().getall(max_records)
        except UnicodeDecodeError as error:
            log.warning("a record has a header name that is no UTF-8: reading leniently", reason=str(error))
            _lenient_until = time.monotonic() + _LENIENT_SECONDS
            self._partition_records = None
            return []
        return found


def read_any_header_names() -> None:
    """Have aiokafka's consumers in this process read such records."""
    fetcher.MemoryRecords = _records
    fetcher.FetchResult = _FetchResult
