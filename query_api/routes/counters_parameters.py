"""What may be asked of the counters; each error names the parameter and what is allowed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, cast
from zoneinfo import ZoneInfo

import msgspec

from postpulse.counting.dimensions import DIMENSIONS, Dimension
from postpulse.web.problems import Problem
from query_api.counters.points import Granularity, TooManyPointsError, edge_after, edges_of
from query_api.counters.sums import Order
from query_api.queries.counters import METRICS, MOST_POINTS, metrics_of
from query_api.routes.parameters import as_analyzed

#: What trends and totals may look at, at most, in days.
MOST_TRENDS_DAYS = 31
MOST_STATS_DAYS = 366
MOST_TRENDS = 100
#: What one value of is counted by; named as parameters are.
FILTERS = [each for each in DIMENSIONS if each.example is not None]
#: Last part of the path -> what is counted.
TRENDS = {each.trend: each for each in DIMENSIONS if each.trend is not None}
#: How far back a series goes unless that is said.
SPANS: dict[Granularity, timedelta] = {
    "minute": timedelta(hours=1),
    "hour": timedelta(days=1),
    "day": timedelta(days=30),
    "week": timedelta(weeks=12),
}
_WINDOWS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
#: Posts cannot be older; beyond the other end calendars give out.
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(2999, 1, 1, tzinfo=UTC)

#: MongoDB refuses to look for a null character.
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Window = Literal["1h", "6h", "24h", "7d", "30d"]


class _Times(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    from_: _Time | None = msgspec.field(default=None, name="from")
    until: _Time | None = None

    def __post_init__(self) -> None:
        for name, time in (("from", self.from_), ("until", self.until)):
            if time is not None and not _EARLIEST <= time <= _LATEST:
                raise Problem(422, f"{name} must lie between 1970 and 2999.", field=name)

    def _ordered(self, since: datetime, until: datetime) -> tuple[datetime, datetime]:
        if since >= until:
            named = "until" if self.until is not None else "from"
            now = "" if self.until is not None and self.from_ is not None else " (now, unless it is said)"
            raise Problem(422, f"until{now} must be later than from.", field=named)
        return since, until


class _Series(_Times, kw_only=True, forbid_unknown_fields=True):
    """Which metrics, by what, and of which posts."""

    metrics: Annotated[str, msgspec.Meta(max_length=300)] = "posts"
    granularity: Granularity = "hour"
    timezone: Annotated[str, msgspec.Meta(max_length=100)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """Raises Problem: 422; there is no such zone."""
        try:
            return ZoneInfo(self.timezone)
        # A folder of zones, such as Europe, is an OSError.
        except (KeyError, ValueError, OSError):
            raise Problem(
                422,
                "timezone must be a name of the IANA time zone database, such as Europe/Berlin.",
                field="timezone",
            ) from None

    @property
    def of(self) -> tuple[Dimension, str] | None:
        """The one value that posts are counted of; None for all posts.

        Raises:
            Problem: 422; there are several, or it is nothing but a sign.
        """
        given = [each for each in FILTERS if getattr(self, each.name) is not None]
        if len(given) > 1:
            names = " and ".join(each.name for each in given)
            raise Problem(
                422,
                f"Counters have one of {_listed([each.name for each in FILTERS])} at a time, not {names} together.",
                field=given[1].name,
            )
        if not given:
            return None
        name = given[0].name
        return given[0], as_analyzed(name, getattr(self, name))

    @property
    def asked_metrics(self) -> list[str]:
        """Raises Problem: 422; one is unknown, or not counted of what the filter says."""
        asked = list(dict.fromkeys(name.strip() for name in self.metrics.split(",")))
        of = self.of
        allowed = METRICS.keys() if of is None else metrics_of(of[0]).keys()
        for name in asked:
            if name not in allowed:
                where = "" if of is None else f" with {of[0].name}"
                raise Problem(
                    422,
                    f"metrics{where} must be {_listed(list(allowed))}, several separated by commas; "
                    f"not {name or 'nothing'}.",
                    field="metrics",
                )
        return asked

    def edges(self, zone: ZoneInfo, now: datetime) -> list[datetime]:
        """Where the points begin and, last, where they end.

        Raises:
            Problem: 422; the time is empty, or has too many points.
        """
        until = self.until or edge_after(self.granularity, now, zone)
        since = self.from_
        if since is None:
            # Days are counted by the zone's calendar, hours as they pass.
            clock = zone if self.granularity in ("day", "week") else UTC
            since = until.astimezone(clock) - SPANS[self.granularity]
        since, until = self._ordered(since, until)
        try:
            return edges_of(self.granularity, since, until, zone, MOST_POINTS)
        except TooManyPointsError as exc:
            raise Problem(
                422,
                f"That would be {exc.asked:,} points, and {MOST_POINTS:,} are allowed: ask for a coarser "
                "granularity or a shorter time.",
                field="granularity",
                asked=exc.asked,
                allowed=MOST_POINTS,
            ) from None


#: With a parameter for each filter.
SeriesParameters = cast(
    type[_Series],
    msgspec.defstruct(
        "SeriesParameters",
        [(each.name, cast(type, _Text | None), None) for each in FILTERS],
        bases=(_Series,),
        kw_only=True,
        forbid_unknown_fields=True,
    ),
)


class WindowParameters(_Times, kw_only=True, forbid_unknown_fields=True):
    """A time: so long until now, or from and until."""

    window: _Window | None = None

    def span(self, now: datetime, most_days: int) -> tuple[datetime, datetime]:
        """From when until when; the last day unless something is said.

        Raises:
            Problem: 422; the time is empty, too long, or said twice.
        """
        until = self.until or now
        if self.window is not None and (self.from_ is not None or self.until is not None):
            raise Problem(422, "Say either window, or from and until; not both.", field="window")
        since = self.from_ or until - _WINDOWS[self.window or "24h"]
        since, until = self._ordered(since, until)
        if until - since > timedelta(days=most_days):
            raise Problem(
                422,
                f"from and until must be {most_days} days apart, at most.",
                field="from",
                allowed=most_days,
            )
        return since, until


class TrendParameters(WindowParameters, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_TRENDS)] = 10
    order: Order = "count"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
