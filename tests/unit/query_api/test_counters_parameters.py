"""Each parameter that is not allowed is named, with what is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from postpulse.counting.dimensions import BY_NAME, Dimension
from postpulse.web.problems import Problem
from query_api.routes.counters_parameters import (
    FILTERS,
    MOST_TRENDS_DAYS,
    SeriesParameters,
    TrendParameters,
)
from query_api.routes.parameters import query_parameters

NOW = datetime(2026, 3, 31, 10, 40, 30, tzinfo=UTC)


def series(query: dict[str, str]) -> tuple[list[datetime], list[str], tuple[Dimension, str] | None]:
    given = query_parameters(query, SeriesParameters)
    return given.edges(given.zone, NOW), given.asked_metrics, given.of


def trends(query: dict[str, str]) -> tuple[datetime, datetime]:
    return query_parameters(query, TrendParameters).span(NOW, MOST_TRENDS_DAYS)


def problem(query: dict[str, str], ask: object) -> tuple[int, str | None, str]:
    assert callable(ask)
    with pytest.raises(Problem) as caught:
        ask(query)
    return caught.value.status, caught.value.field, caught.value.detail


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ({"metric": "posts"}, "metric", "There is no parameter metric; there are from, until, metrics, "),
        ({"metrics": "posts,likes"}, "metrics", "metrics must be posts, words, characters, sentiment, lang"),
        ({"metrics": ""}, "metrics", "metrics must be posts, "),
        ({"metrics": "posts,,words"}, "metrics", "metrics must be posts, "),
        ({"metrics": "words", "hashtag": "a"}, "metrics", "metrics with hashtag must be posts, several"),
        ({"metrics": "languages", "author": "a"}, "metrics", "metrics with author must be posts, words, ch"),
        (
            {"granularity": "second"},
            "granularity",
            "granularity is not allowed: Invalid enum value 'second'; allowed are minute, hour, day, week.",
        ),
        ({"timezone": "Mars/Base"}, "timezone", "timezone must be a name of the IANA time zone database"),
        ({"timezone": "Europe"}, "timezone", "timezone must be a name"),
        ({"timezone": "../../etc/passwd"}, "timezone", "timezone must be a name"),
        ({"timezone": "/etc/localtime"}, "timezone", "timezone must be a name"),
        ({"timezone": ""}, "timezone", "timezone must be a name"),
        ({"timezone": "a\0b"}, "timezone", "timezone must be a name"),
        ({"timezone": "+02:00"}, "timezone", "timezone must be a name"),
        ({"timezone": "x" * 101}, "timezone", "timezone is not allowed: Expected `str` of length <= 100."),
        ({"from": "yesterday"}, "from", "from must be an RFC 3339 time with an offset"),
        ({"from": "2026-03-31T10:00:00"}, "from", "from must be an RFC 3339 time with an offset"),
        ({"from": "1969-12-31T00:00:00Z"}, "from", "from must lie between 1970 and 2999."),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from", "from must lie between 1970 and 2999."),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until", "until must lie between 1970 and 2999."),
        ({"from": "2026-04-01T00:00:00Z"}, "from", "until (now, unless it is said) must be later than from."),
        (
            {"from": "2026-03-30T00:00:00Z", "until": "2026-03-30T00:00:00Z"},
            "until",
            "until must be later than from.",
        ),
        ({"hashtag": ""}, "hashtag", "hashtag is not allowed: Expected `str` of length >= 1."),
        ({"hashtag": "＃"}, "hashtag", "hashtag must be more than its sign."),
        ({"mention": "@"}, "mention", "mention must be more than its sign."),
        ({"hashtag": "a\0"}, "hashtag", "hashtag is not allowed: Expected `str` matching regex"),
        (
            {"hashtag": "a", "author": "b"},
            "hashtag",
            "Counters have one of language, detected_language, author, hashtag, mention, ",
        ),
        (
            {"granularity": "minute", "from": "2026-03-30T00:00:00Z", "until": "2026-03-31T02:00:00Z"},
            "granularity",
            "That would be 1,560 points, and 1,500 are allowed: ask for a coarser granularity or a shorter time.",
        ),
    ],
)
def test_of_a_series(query: dict[str, str], field: str, detail: str) -> None:
    status, named, said = problem(query, series)
    assert (status, named) == (422, field)
    assert said.startswith(detail)


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        (
            {"window": "2h"},
            "window",
            "window is not allowed: Invalid enum value '2h'; allowed are 1h, 6h, 24h",
        ),
        (
            {"order": "rank"},
            "order",
            "order is not allowed: Invalid enum value 'rank'; allowed are count, change.",
        ),
        ({"limit": "0"}, "limit", "limit is not allowed: Expected `int` >= 1."),
        ({"limit": "101"}, "limit", "limit is not allowed: Expected `int` <= 100."),
        ({"timezone": "UTC"}, "timezone", "There is no parameter timezone; there are"),
        (
            {"window": "1h", "until": "2026-03-31T00:00:00Z"},
            "window",
            "Say either window, or from and until; not both.",
        ),
        ({"from": "2026-02-20T00:00:00Z"}, "from", "from and until must be 31 days apart, at most."),
        ({"from": "2026-03-31T11:00:00Z"}, "from", "until (now, unless it is said) must be later than from."),
    ],
)
def test_of_trends(query: dict[str, str], field: str, detail: str) -> None:
    status, named, said = problem(query, trends)
    assert (status, named) == (422, field)
    assert said.startswith(detail)


@pytest.mark.parametrize(
    ("granularity", "points", "width"),
    [("minute", 60, timedelta(minutes=1)), ("hour", 24, timedelta(hours=1)), ("week", 12, None)],
)
def test_a_series_ends_with_the_point_under_way(
    granularity: str, points: int, width: timedelta | None
) -> None:
    edges, metrics, of = series({"granularity": granularity})
    assert len(edges) == points + 1
    assert edges[-2] < NOW <= edges[-1]
    assert (metrics, of) == (["posts"], None)
    assert width is None or edges[1] - edges[0] == width


def test_thirty_days_are_so_by_the_calendar_of_the_zone() -> None:
    edges, _, _ = series({"granularity": "day", "timezone": "Europe/Berlin"})
    shown = [edge.astimezone(ZoneInfo("Europe/Berlin")) for edge in edges]
    assert len(edges) == 31
    assert (f"{shown[0]:%m-%d %H:%M}", f"{shown[-1]:%m-%d %H:%M}") == ("03-02 00:00", "04-01 00:00")


@pytest.mark.parametrize(
    ("query", "of"),
    [
        ({"hashtag": "#Straße"}, ("hashtag", "strasse")),
        ({"hashtag": "＃News"}, ("hashtag", "news")),
        ({"hashtag": "News"}, ("hashtag", "news")),
        ({"mention": "@Ada"}, ("mention", "ada")),
        (
            {"keyword": "Cafe\N{COMBINING ACUTE ACCENT}"},
            ("keyword", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ),
        ({"author": "@Ada"}, ("author", "@Ada")),
        ({"emoji": "🎉"}, ("emoji", "🎉")),
    ],
)
def test_values_are_asked_for_as_analyses_write_them(query: dict[str, str], of: tuple[str, str]) -> None:
    name, value = of
    assert series(query)[2] == (BY_NAME[name], value)


def test_filters_are_the_parameters_of_their_names() -> None:
    names = {field.name for field in msgspec.structs.fields(SeriesParameters)}
    assert {each.name for each in FILTERS} <= names


def test_metrics_come_once_and_in_the_order_in_which_they_were_asked_for() -> None:
    assert series({"metrics": "words, posts,words"})[1] == ["words", "posts"]
