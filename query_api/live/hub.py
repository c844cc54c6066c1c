"""Hands what the feed has read to all open streams, each event written once whoever reads it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from postpulse.telemetry import metrics
from query_api.live.filters import Filters
from query_api.live.outlet import Chunk, Outlet
from query_api.live.position import Position
from query_api.live.records import Record, event, frame

#: What is handed on before the event loop does other things.
_SLICE_RECORDS = 100
_SLICE_BYTES = 64 * 1024


class TooManyStreamsError(Exception):
    """No more streams may be open, or the service stops."""


class Hub:
    """The open streams, and the place in the log up to which they have been told everything.

    Whenever the event loop does something else, all that are joined have been told, or have waiting, what lies
    before `position`, and nothing behind it.

    Args:
        limit: how many streams may be open at once.
        live: whether the brokers answer.
    """

    def __init__(self, limit: int, live: Callable[[], bool]) -> None:
        self._limit = limit
        self._open: set[Outlet] = set()
        self._joined: dict[Filters, set[Outlet]] = {}
        self._moved: asyncio.Future[None] | None = None
        self.live = live
        self.position: Position | None = None
        """None until the feed has found its topic for the first time."""
        self.closed = False
        """Whether the service stops."""

    def __len__(self) -> int:
        return len(self._open)

    def position_in(self, log: bytes) -> bool:
        """Whether the feed reads this log."""
        return self.position is not None and self.position.log == log

    @property
    def listening(self) -> bool:
        """Whether anybody reads what the feed has; read by the feed's thread."""
        return bool(self._joined)

    @contextmanager
    def open(self, outlet: Outlet) -> Iterator[None]:
        """Count a stream as open.

        Raises:
            TooManyStreamsError: the limit is reached, or the service stops.
        """
        if self.closed or len(self._open) >= self._limit:
            raise TooManyStreamsError
        self._open.add(outlet)
        metrics.STREAMS.set(len(self._open))
        try:
            yield
        finally:
            self._open.discard(outlet)
            metrics.STREAMS.set(len(self._open))

    @contextmanager
    def joined(self, outlet: Outlet, filters: Filters) -> Iterator[Position]:
        """Tell a stream what comes, as long as it has room; gives the place before that.

        The feed must have found its topic.
        """
        assert self.position is not None
        outlet.left_behind = None
        self._joined.setdefault(filters, set()).add(outlet)
        try:
            yield self.position.copy()
        finally:
            self._leave(outlet, filters)

    async def moved(self) -> None:
        """Wait until the feed has read on, or the service stops."""
        if self._moved is None:
            self._moved = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._moved)

    # What the feed tells.

    async def begin(self, position: Position, lost: str | None) -> None:
        """The feed has found its place.

        Args:
            lost: why it is not where it was; None at the start.
        """
        before = self.position or position
        self.position = position
        if lost is not None:
            chunk = Chunk([event("reset", {"reason": lost}, position.id)], position.id)
            for filters in tuple(self._joined):
                self._tell(filters, chunk, before)
        self._wake()

    async def take(self, records: Sequence[Record]) -> None:
        """Tell records, all behind `position`, in order within their partitions."""
        begin = 0
        while begin < len(records):
            end, size = begin, 0
            while end < len(records) and end - begin < _SLICE_RECORDS and size < _SLICE_BYTES:
                size += records[end].size
                end += 1
            self._take(records[begin:end])
            self._wake()
            begin = end
            # Transports write, and others have their turn.
            await asyncio.sleep(0)

    def close(self) -> None:
        """The service stops: every session sees to its end."""
        self.closed = True
        for outlet in self._open:
            outlet.stop()
        self._wake()

    def _take(self, records: Sequence[Record]) -> None:
        assert self.position is not None
        position = self.position
        before = position.copy()
        told: dict[Filters, list[tuple[str, bytes]]] = {filters: [] for filters in self._joined}
        for record in records:
            position.offsets[record.partition] = record.offset + 1
            if not told or not record.body:
                continue
            matching = [filters for filters in told if filters.match(record.analysis)]
            if matching:
                event_id = position.id
                written = frame(event_id, record.body)
                for filters in matching:
                    told[filters].append((event_id, written))
        for filters, events in told.items():
            if events:
                chunk = Chunk((each for _, each in events), events[-1][0], len(events))
                self._tell(filters, chunk, before)

    def _tell(self, filters: Filters, chunk: Chunk, before: Position) -> None:
        count = 0
        for outlet in tuple(self._joined[filters]):
            if outlet.offer(chunk, before):
                count += 1
            else:
                self._leave(outlet, filters)
        metrics.STREAM_EVENTS.inc(count * chunk.records)

    def _leave(self, outlet: Outlet, filters: Filters) -> None:
        others = self._joined.get(filters)
        if others is not None:
            others.discard(outlet)
            if not others:
                del self._joined[filters]

    def _wake(self) -> None:
        if self._moved is not None:
            self._moved.set_result(None)
            self._moved = None
