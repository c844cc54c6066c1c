"""Where the points of a time series begin, by the clock of a time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from query_api.counters.kept import ceiling, floor

Granularity = Literal["minute", "hour", "day", "week"]

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAYS = {"day": 1, "week": 7}


class TooManyPointsError(Exception):
    """A series would have more points than are allowed; `asked` is how many."""

    def __init__(self, asked: int) -> None:
        super().__init__(asked)
        self.asked = asked


def edges_of(
    granularity: Granularity, since: datetime, until: datetime, zone: ZoneInfo, most: int
) -> list[datetime]:
    """The beginnings of the points that cover a time, and the end of the last one, in UTC.

    Days begin at midnight, weeks on Mondays, and hours where the clock shows a full one: where it is changed, a day
    has 23 or 25 hours, and where it is changed by half an hour, an hour has 90 minutes.

    Args:
        until: later than `since`.
        most: how many points are allowed.

    Raises:
        TooManyPointsError: there would be more.
    """
    days = _DAYS.get(granularity)
    if days is not None:
        first = _first_day(granularity, since, zone)
        last = (until - timedelta(microseconds=1)).astimezone(zone).date()
        asked = (last - first).days // days + 1
        edges = _days(first, days, zone)
    elif granularity == "hour":
        start = _hour_at(since, zone)
        asked = -((start - until) // _HOUR)
        edges = _hours(start, zone)
    else:
        start = floor(since, _MINUTE)
        asked = (ceiling(until, _MINUTE) - start) // _MINUTE
        edges = (start + number * _MINUTE for number in range(asked + 1))
    if asked > most:
        raise TooManyPointsError(asked)
    found: list[datetime] = []
    for edge in edges:
        found.append(edge)
        if edge >= until:
            break
    return found


def edge_after(granularity: Granularity, moment: datetime, zone: ZoneInfo) -> datetime:
    """The end of the point that a moment lies in, or ends, in UTC."""
    return edges_of(granularity, moment - timedelta(microseconds=1), moment, zone, 1)[-1]


def _first_day(granularity: Granularity, moment: datetime, zone: ZoneInfo) -> date:
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday()) if granularity == "week" else day


def _days(day: date, step: int, zone: ZoneInfo) -> Iterator[datetime]:
    before = None
    while True:
        edge = _midnight(day, zone)
        # A zone that changes sides of the date line leaves out a day.
        if edge != before:
            yield edge
        before = edge
        day += timedelta(days=step)


def _hour_at(moment: datetime, zone: ZoneInfo) -> datetime:
    """Where the hour begins that a moment lies in."""
    found = _midnight(moment.astimezone(zone).date(), zone)
    for edge in _hours(found, zone):
        if edge > moment:
            break
        found = edge
    return found


def _hours(edge: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    while True:
        yield edge
        edge += _HOUR
        shown = edge.astimezone(zone)
        past = timedelta(minutes=shown.minute, seconds=shown.second)
        if past:
            edge += _HOUR - past


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Where the clock skips midnight, this is the moment at which it does; where it shows it twice, the first one.
    return datetime.combine(day, time(), zone).astimezone(UTC)
