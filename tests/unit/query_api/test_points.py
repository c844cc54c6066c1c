"""Points begin where the clock of their zone says so, whatever is done to the clock."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.counters.points import Granularity, TooManyPointsError, edge_after, edges_of

_GRANULARITIES = st.sampled_from(["minute", "hour", "day", "week"])
#: Whole hours and others, changed clocks and others, by an hour and by half an hour, at midnight and elsewhere.
_ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "America/Havana",
        "Pacific/Apia",
    ]
)
_MOMENTS = st.timedeltas(timedelta(0), timedelta(days=18 * 365)).map(
    lambda past: datetime(2009, 1, 1, tzinfo=UTC) + past
)


def points(granularity: Granularity, since: str, until: str, zone: str) -> list[tuple[str, float]]:
    """Each as its clock shows its beginning, with its length in hours."""
    there = ZoneInfo(zone)
    first, end = (datetime.fromisoformat(time).replace(tzinfo=there) for time in (since, until))
    edges = edges_of(granularity, first, end, there, 1500)
    return [
        (f"{edge.astimezone(there):%m-%d %H:%M%z}", (following - edge) / timedelta(hours=1))
        for edge, following in pairwise(edges)
    ]


def test_a_day_of_berlin_has_23_hours_in_march_and_25_in_october() -> None:
    assert points("day", "2026-03-28", "2026-03-31", "Europe/Berlin") == [
        ("03-28 00:00+0100", 24),
        ("03-29 00:00+0100", 23),
        ("03-30 00:00+0200", 24),
    ]
    assert points("day", "2026-10-24", "2026-10-27", "Europe/Berlin") == [
        ("10-24 00:00+0200", 24),
        ("10-25 00:00+0200", 25),
        ("10-26 00:00+0100", 24),
    ]


def test_an_hour_that_berlin_skips_is_none_and_one_that_it_has_twice_is_two() -> None:
    spring = points("hour", "2026-03-29", "2026-03-30", "Europe/Berlin")
    assert spring[:4] == [
        ("03-29 00:00+0100", 1),
        ("03-29 01:00+0100", 1),
        ("03-29 03:00+0200", 1),
        ("03-29 04:00+0200", 1),
    ]
    assert len(spring) == 23
    autumn = points("hour", "2026-10-25", "2026-10-26", "Europe/Berlin")
    assert autumn[1:5] == [
        ("10-25 01:00+0200", 1),
        ("10-25 02:00+0200", 1),
        ("10-25 02:00+0100", 1),
        ("10-25 03:00+0100", 1),
    ]
    assert len(autumn) == 25


def test_weeks_begin_on_mondays_and_are_as_long_as_their_days() -> None:
    assert points("week", "2026-03-25", "2026-04-01", "Europe/Berlin") == [
        ("03-23 00:00+0100", 167),
        ("03-30 00:00+0200", 168),
    ]


def test_hours_of_a_zone_that_is_45_minutes_off_begin_by_its_clock() -> None:
    found = points("hour", "2026-05-01 10:20", "2026-05-01 12:00", "Asia/Kathmandu")
    assert found == [("05-01 10:00+0545", 1), ("05-01 11:00+0545", 1)]
    edges = edges_of(
        "hour",
        datetime(2026, 5, 1, 4, tzinfo=UTC),
        datetime(2026, 5, 1, 5, tzinfo=UTC),
        ZoneInfo("Asia/Kathmandu"),
        9,
    )
    assert [edge.minute for edge in edges] == [15, 15, 15]


def test_where_the_clock_is_changed_by_half_an_hour_an_hour_has_90_minutes() -> None:
    assert points("hour", "2026-04-05 01:00", "2026-04-05 03:00", "Australia/Lord_Howe") == [
        ("04-05 01:00+1100", 1.5),
        ("04-05 02:00+1030", 1),
    ]
    assert points("hour", "2026-10-04 01:00", "2026-10-04 04:00", "Australia/Lord_Howe") == [
        ("10-04 01:00+1030", 1.5),
        ("10-04 03:00+1100", 1),
    ]


def test_a_day_whose_midnight_is_skipped_begins_when_the_clock_is_changed() -> None:
    assert points("day", "2026-03-29 12:00", "2026-03-30", "Asia/Beirut") == [("03-29 01:00+0300", 23)]


def test_a_day_that_a_zone_skips_is_none() -> None:
    assert points("day", "2011-12-29", "2012-01-01", "Pacific/Apia") == [
        ("12-29 00:00-1000", 24),
        ("12-31 00:00+1400", 24),
    ]


@given(_GRANULARITIES, _MOMENTS, st.integers(1, 400 * 60), _ZONES)
def test_points_cover_what_was_asked_for_and_not_one_point_more(
    granularity: Granularity, since: datetime, minutes: int, name: str
) -> None:
    zone, until = ZoneInfo(name), since + timedelta(minutes=minutes)
    edges = edges_of(granularity, since, until, zone, 100_000)
    assert edges[0] <= since < edges[1]
    assert edges[-2] < until <= edges[-1]
    for before, after in pairwise(edges):
        assert before < after
    for edge in edges:
        shown = edge.astimezone(zone)
        assert (shown.second, shown.microsecond) == (0, 0)
        if granularity == "hour":
            assert shown.minute == 0
        if granularity in ("day", "week"):
            # Or the first moment that the day has.
            assert (shown.hour, shown.minute) == (0, 0) or (
                (edge - timedelta(seconds=1)).astimezone(zone).date() < shown.date()
            )
        if granularity == "week":
            assert shown.weekday() == 0


@given(_GRANULARITIES, _MOMENTS, _ZONES)
def test_the_end_of_the_point_under_way_is_where_the_next_one_begins(
    granularity: Granularity, now: datetime, name: str
) -> None:
    zone = ZoneInfo(name)
    end = edge_after(granularity, now, zone)
    assert edges_of(granularity, end, end + timedelta(minutes=1), zone, 1)[0] == end
    assert edges_of(granularity, now - timedelta(microseconds=1), now, zone, 1)[-1] == end >= now


@pytest.mark.parametrize(
    ("granularity", "days", "asked"), [("minute", 1, 1440), ("hour", 4, 96), ("day", 12, 12), ("week", 28, 4)]
)
def test_too_many_points_are_told_with_how_many(granularity: Granularity, days: int, asked: int) -> None:
    since = datetime(2026, 6, 1, tzinfo=UTC)
    until = since + timedelta(days=days)
    assert len(edges_of(granularity, since, until, ZoneInfo("UTC"), asked)) == asked + 1
    with pytest.raises(TooManyPointsError) as caught:
        edges_of(granularity, since, until, ZoneInfo("UTC"), asked - 1)
    assert caught.value.asked == asked


def test_so_many_points_that_they_would_take_all_memory_are_not_made() -> None:
    with pytest.raises(TooManyPointsError) as caught:
        edges_of(
            "minute", datetime(1970, 1, 2, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC), ZoneInfo("UTC"), 9
        )
    assert caught.value.asked > 500_000_000
