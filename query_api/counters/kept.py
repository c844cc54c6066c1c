"""How finely counts are kept of a time: what is older is folded into hours, then into days of UTC, then deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from postpulse.counting.dimensions import Dimension, Unit
from postpulse.settings import CountersSettings
from query_api.queries.posts import rfc_3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WIDTHS: dict[Unit, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


class NotKeptError(Exception):
    """Counts are not kept (any more) as they were asked for; the message says what is.

    Attributes:
        kept: units, finest first, each with the time since which it is kept; null for good.
    """

    def __init__(self, message: str, kept: Sequence[dict[str, Any]]) -> None:
        super().__init__(message)
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Window:
    """A time that begins and ends where buckets do: from `since` up to, but not including, `until`."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


class Kept:
    """What is kept of each time, as of `now`."""

    def __init__(self, settings: CountersSettings, now: datetime) -> None:
        self.now = now
        self._since: dict[Unit, datetime | None] = {
            "minute": now - timedelta(days=settings.minute_days),
            "hour": now - timedelta(days=settings.hour_days),
            "day": now - timedelta(days=settings.day_days) if settings.day_days else None,
        }

    def unit_at(self, time: datetime, dimension: Dimension) -> Unit:
        """The widest buckets that there may be of a time: what begins or ends there must be one's edge.

        Raises:
            NotKeptError: nothing is kept.
        """
        for unit, since in self._of(dimension):
            if since is None or time >= since:
                return unit
        kept = self._described(dimension)
        raise NotKeptError(
            f"Counts of {rfc_3339(time)} are not kept any more; there are some since {kept[-1]['since']}.",
            kept,
        )

    def whole(self, since: datetime, until: datetime, dimension: Dimension) -> Window:
        """A time with what is needed before and after it to be made of whole buckets.

        Raises:
            NotKeptError: nothing is kept of its beginning.
        """
        until = ceiling(until, WIDTHS[self.unit_at(until, dimension)])
        while True:
            edge = floor(since, WIDTHS[self.unit_at(since, dimension)])
            # What is before a time may be kept in wider buckets than the time itself.
            if edge == since:
                return Window(since, until)
            since = edge

    def whole_pair(self, since: datetime, until: datetime, dimension: Dimension) -> tuple[Window, Window]:
        """The time of equal length before it, and a time, both made of whole buckets.

        Raises:
            NotKeptError: nothing is kept of the beginning of either.
        """
        window = self.whole(since, until, dimension)
        while True:
            before = Window(window.since - window.length, window.since)
            width = WIDTHS[self.unit_at(before.since, dimension)]
            rounded = Window(floor(window.since, width), ceiling(window.until, width))
            # Longer ones may begin where wider buckets are kept, of which there are few kinds.
            if rounded == window:
                return before, window
            window = rounded

    def require(self, edges: Sequence[datetime], dimension: Dimension, points: str) -> None:
        """See that counts can be told apart at all of these times.

        Args:
            points: what lies between them, for the error, such as "hours in Asia/Kathmandu".

        Raises:
            NotKeptError: they cannot.
        """
        for edge in edges:
            unit = self.unit_at(edge, dimension)
            if edge == floor(edge, WIDTHS[unit]):
                continue
            finer = [since for each, since in self._of(dimension) if WIDTHS[each] < WIDTHS[unit]]
            until = f"before {rfc_3339(finer[-1])} " if finer and finer[-1] is not None else ""
            raise NotKeptError(
                f"Counts of {dimension.name} {until}are kept by the {unit} of UTC, and {points} do not all "
                f"begin with one: {rfc_3339(edge)} does not. Ask for a coarser granularity"
                f"{', a later from' if until else ''} or another timezone.",
                self._described(dimension),
            )

    def _of(self, dimension: Dimension) -> list[tuple[Unit, datetime | None]]:
        return [
            (unit, since) for unit, since in self._since.items() if WIDTHS[unit] >= WIDTHS[dimension.base]
        ]

    def _described(self, dimension: Dimension) -> list[dict[str, Any]]:
        return [
            {"granularity": unit, "since": rfc_3339(since) if since is not None else None}
            for unit, since in self._of(dimension)
        ]


def floor(time: datetime, width: timedelta) -> datetime:
    """The edge of a bucket of UTC at a time or before it."""
    time = time.astimezone(UTC)
    return time - (time - EPOCH) % width


def ceiling(time: datetime, width: timedelta) -> datetime:
    """The edge of a bucket of UTC at a time or after it."""
    time = time.astimezone(UTC)
    return time + (EPOCH - time) % width
