"""Counts of posts: time series, trends, totals of a time and of one author."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from postpulse.web.application import SETTINGS, add_route
from postpulse.web.problems import Problem
from query_api.counters.kept import Kept, NotKeptError
from query_api.keys import COUNTERS
from query_api.queries.counters import METRICS, precision_of, window_view
from query_api.routes.answers import FLEETING
from query_api.routes.counters_openapi import describe_counters
from query_api.routes.counters_parameters import (
    MOST_STATS_DAYS,
    MOST_TRENDS_DAYS,
    TRENDS,
    SeriesParameters,
    TrendParameters,
    WindowParameters,
)
from query_api.routes.kept import kept_for
from query_api.routes.parameters import query_parameters

_API = "/api/v1/"
#: Many look at the same times.
_KEPT_SECONDS = 3


def install(app: web.Application) -> None:
    add_route(app, "GET", f"{_API}timeseries/", kept_for(_KEPT_SECONDS, get_series))
    add_route(app, "GET", f"{_API}trends/{{kind}}/", kept_for(_KEPT_SECONDS, get_trends))
    add_route(app, "GET", f"{_API}stats/", kept_for(_KEPT_SECONDS, get_stats))
    add_route(app, "GET", f"{_API}authors/{{author}}/stats/", kept_for(_KEPT_SECONDS, get_author_stats))
    describe_counters(app)


async def get_series(request: web.Request) -> dict[str, Any]:
    """Counts by the minute, hour, day or week."""
    given = query_parameters(dict(request.query), SeriesParameters)
    kept, zone, of, metrics = _kept(request), given.zone, given.of, given.asked_metrics
    edges = given.edges(zone, kept.now)
    points = f"{given.granularity}s" if zone.key == "UTC" else f"{given.granularity}s of {zone.key}"
    with _told_of("granularity"):
        for dimension in {of[0]} if of is not None else {METRICS[metric][0] for metric in metrics}:
            kept.require(edges, dimension, points)
    found = await request.app[COUNTERS].series(metrics, edges, of)
    return {
        "granularity": given.granularity,
        "timezone": zone.key,
        "from": _shown(edges[0], zone),
        "until": _shown(edges[-1], zone),
        "of": {of[0].name: of[1]} if of is not None else None,
        "metrics": {metric: precision_of(metric) for metric in metrics},
        "points": [
            {"from": _shown(edge, zone), **point} for edge, point in zip(edges[:-1], found, strict=True)
        ],
    }


async def get_trends(request: web.Request) -> dict[str, Any]:
    """What is written most, or more than before."""
    kind = request.match_info["kind"]
    if kind not in TRENDS:
        raise Problem(404, f"There are trends of {', '.join(TRENDS)}; not of this.", headers=FLEETING)
    given = query_parameters(dict(request.query), TrendParameters)
    kept = _kept(request)
    since, until = given.span(kept.now, MOST_TRENDS_DAYS)
    with _told_of("from"):
        before, window = kept.whole_pair(since, until, TRENDS[kind])
    trends = await request.app[COUNTERS].trends(TRENDS[kind], before, window, given.limit, given.order)
    return {
        "kind": kind,
        **window_view(window),
        "seconds_to_come": max(0, round((window.until - kept.now).total_seconds())),
        "before": window_view(before),
        "order": given.order,
        "precision": "exact",
        "trends": trends,
    }


async def get_stats(request: web.Request) -> dict[str, Any]:
    """What all posts of a time come to."""
    given = query_parameters(dict(request.query), WindowParameters)
    kept = _kept(request)
    since, until = given.span(kept.now, MOST_STATS_DAYS)
    with _told_of("from"):
        return await request.app[COUNTERS].stats(since, until, kept)


async def get_author_stats(request: web.Request) -> dict[str, Any]:
    """What the posts of one author come to."""
    given = query_parameters(dict(request.query), WindowParameters)
    kept = _kept(request)
    since, until = given.span(kept.now, MOST_STATS_DAYS)
    with _told_of("from"):
        return await request.app[COUNTERS].author(request.match_info["author"], since, until, kept)


def _kept(request: web.Request) -> Kept:
    return Kept(request.app[SETTINGS].counters, datetime.now(UTC))


@contextmanager
def _told_of(field: str) -> Iterator[None]:
    """Where counts are not kept as they are asked for within: 422 that names this parameter, and what is kept."""
    try:
        yield
    except NotKeptError as exc:
        raise Problem(422, str(exc), field=field, kept=exc.kept) from None


def _shown(time: datetime, zone: ZoneInfo) -> str:
    """A time as the clock of a zone shows it, with its offset."""
    return time.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
