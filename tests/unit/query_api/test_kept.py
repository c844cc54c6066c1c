"""What of a time is kept how finely, and how a time becomes one of whole buckets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse.counting.dimensions import BY_NAME, VOLUME, Dimension
from postpulse.settings import CountersSettings
from query_api.counters.kept import WIDTHS, Kept, NotKeptError, Window, ceiling, floor

HASHTAG = BY_NAME["hashtag"]
NOW = datetime(2026, 6, 30, 10, 40, 30, tzinfo=UTC)
SETTINGS = CountersSettings(minute_days=7, hour_days=30)
KEPT = Kept(SETTINGS, NOW)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}Z")


@pytest.mark.parametrize(
    ("age", "minutely", "hourly"),
    [
        (-1, "minute", "hour"),
        (0, "minute", "hour"),
        (7, "minute", "hour"),
        (7.001, "hour", "hour"),
        (30, "hour", "hour"),
        (30.001, "day", "day"),
        (20_000, "day", "day"),
    ],
)
def test_older_times_are_kept_less_finely(age: float, minutely: str, hourly: str) -> None:
    time = NOW - age * DAY
    assert (KEPT.unit_at(time, VOLUME), KEPT.unit_at(time, HASHTAG)) == (minutely, hourly)


def test_what_is_deleted_is_told() -> None:
    kept = Kept(CountersSettings(minute_days=7, hour_days=30, day_days=60), NOW)
    assert kept.unit_at(NOW - 60 * DAY, VOLUME) == "day"
    with pytest.raises(NotKeptError) as caught:
        kept.unit_at(NOW - 61 * DAY, VOLUME)
    assert str(caught.value) == (
        "Counts of 2026-04-30T10:40:30.000Z are not kept any more; there are some since "
        "2026-05-01T10:40:30.000Z."
    )
    assert caught.value.kept == [
        {"granularity": "minute", "since": "2026-06-23T10:40:30.000Z"},
        {"granularity": "hour", "since": "2026-05-31T10:40:30.000Z"},
        {"granularity": "day", "since": "2026-05-01T10:40:30.000Z"},
    ]


@pytest.mark.parametrize(
    ("dimension", "since", "until", "whole"),
    [
        (VOLUME, "06-30T09:40:30", "06-30T10:40:30", ("06-30T09:40:00", "06-30T10:41:00")),
        (HASHTAG, "06-30T09:40:30", "06-30T10:40:30", ("06-30T09:00:00", "06-30T11:00:00")),
        (HASHTAG, "06-30T09:00:00", "06-30T10:00:00", ("06-30T09:00:00", "06-30T10:00:00")),
        # Where the beginning of a minute is in the hours, those are what counts.
        (VOLUME, "06-23T10:40:30", "06-30T10:40:30", ("06-23T10:00:00", "06-30T10:41:00")),
        (VOLUME, "06-23T10:41:30", "06-30T10:40:30", ("06-23T10:41:00", "06-30T10:41:00")),
        (HASHTAG, "05-31T10:50:00", "06-30T10:00:00", ("05-31T00:00:00", "06-30T10:00:00")),
        # Each end by what is kept there.
        (VOLUME, "06-10T09:40:00", "06-30T10:40:30", ("06-10T09:00:00", "06-30T10:41:00")),
        (VOLUME, "05-01T09:40:00", "06-10T10:40:30", ("05-01T00:00:00", "06-10T11:00:00")),
    ],
)
def test_a_time_is_rounded_outwards(
    dimension: Dimension, since: str, until: str, whole: tuple[str, str]
) -> None:
    assert KEPT.whole(at(since), at(until), dimension) == Window(*map(at, whole))


def test_a_window_before_that_is_kept_by_the_day_makes_both_whole_days() -> None:
    before, window = KEPT.whole_pair(at("06-10T09:30:00"), at("06-28T09:30:00"), HASHTAG)
    assert window == Window(at("06-10T00:00:00"), at("06-29T00:00:00"))
    assert before == Window(at("05-22T00:00:00"), at("06-10T00:00:00"))


_TIMES = st.timedeltas(timedelta(0), 180 * DAY).map(lambda age: NOW - age)


@given(_TIMES, st.timedeltas(timedelta(minutes=1), 31 * DAY), st.sampled_from([VOLUME, HASHTAG]))
def test_windows_hold_what_was_asked_for_and_can_be_told_apart(
    since: datetime, length: timedelta, dimension: Dimension
) -> None:
    before, window = KEPT.whole_pair(since, since + length, dimension)
    assert window.since <= since
    assert since + length <= window.until
    assert before.until == window.since
    assert before.length == window.length
    KEPT.require([before.since, before.until, window.until], dimension, "windows")


@given(_TIMES, st.sampled_from(list(WIDTHS.values())))
def test_edges_around_a_time(time: datetime, width: timedelta) -> None:
    low, high = floor(time, width), ceiling(time, width)
    assert low <= time <= high
    assert high - low in (timedelta(0), width)
    assert (low.second, low.microsecond) == (0, 0)
    assert floor(low, width) == ceiling(low, width) == low


def test_points_finer_than_what_is_kept_are_refused_with_what_is() -> None:
    edges = [NOW.replace(second=0) - 8 * DAY + timedelta(minutes=minute) for minute in range(3)]
    with pytest.raises(NotKeptError) as caught:
        KEPT.require(edges, VOLUME, "minutes")
    assert str(caught.value) == (
        "Counts of volume before 2026-06-23T10:40:30.000Z are kept by the hour of UTC, and minutes do not all "
        "begin with one: 2026-06-22T10:40:00.000Z does not. Ask for a coarser granularity, a later from or another "
        "timezone."
    )
    assert [each["granularity"] for each in caught.value.kept] == ["minute", "hour", "day"]


def test_of_what_is_counted_by_the_hour_nothing_is_ever_kept_by_the_minute() -> None:
    with pytest.raises(NotKeptError) as caught:
        KEPT.require([NOW.replace(second=0)], HASHTAG, "hours of Asia/Kathmandu")
    assert str(caught.value) == (
        "Counts of hashtag are kept by the hour of UTC, and hours of Asia/Kathmandu do not all begin with one: "
        "2026-06-30T10:40:00.000Z does not. Ask for a coarser granularity or another timezone."
    )
    assert [each["granularity"] for each in caught.value.kept] == ["hour", "day"]
