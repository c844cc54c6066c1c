"""What the counters say: series, trends and totals, each of one moment. Returns data, knows no HTTP."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import Document
from postpulse.counting.dimensions import (
    AUTHOR,
    AUTHORS,
    CHARACTERS,
    DETECTED_LANGUAGE,
    LANGUAGE,
    SENTIMENT,
    VOLUME,
    WORDS,
    Dimension,
    Unit,
)
from postpulse.counting.hyperloglog import ERROR, estimate
from query_api.counters.kept import WIDTHS, Kept, Window, ceiling, floor
from query_api.counters.sums import Amounts, CounterReads, Order, Sums
from query_api.counters.together import together
from query_api.counters.views import (
    BOUNDS,
    EXACT,
    EXACT_MEAN,
    lengths_view,
    mean_view,
    percentiles_view,
    sentiment_point,
    sentiment_view,
    trend_views,
    volume_view,
)
from query_api.queries.current import CurrentGeneration
from query_api.queries.in_time import OutOfTimeError, in_time
from query_api.queries.posts import rfc_3339

#: By then every question has its answer or has failed.
_ANSWER_SECONDS = 10.0
#: Of an answer about many things, what the distinct authors may take: the longer the time, the more registers.
_DISTINCT_SECONDS = 5.0
#: Points of one series, at most.
MOST_POINTS = 1500
#: Languages that are told one by one, of a series and of a time.
LANGUAGES_OF_SERIES = 20
LANGUAGES_OF_STATS = 100

#: Metric of a series -> what it is read from, and how a point of it is shown.
METRICS: dict[str, tuple[Dimension, Callable[[Amounts], Any]]] = {
    **{name: (VOLUME, itemgetter(name)) for name in VOLUME.amounts},
    "sentiment": (SENTIMENT, sentiment_point),
    "languages": (LANGUAGE, dict),
    "detected_languages": (DETECTED_LANGUAGE, dict),
    "word_percentiles": (WORDS, percentiles_view),
    "character_percentiles": (CHARACTERS, percentiles_view),
}
#: The same of one author.
AUTHOR_METRICS: dict[str, Callable[[Amounts], Any]] = {
    **{name: itemgetter(name) for name in VOLUME.amounts},
    "sentiment": lambda sums: mean_view(sums["rated"], sums["sum"]),
}


class CounterQueries:
    """Questions about counts.

    Each raises PyMongoError when there is no answer, OutOfTimeError after ten seconds, and NotKeptError.
    """

    def __init__(self, database: AsyncDatabase[Document], current: CurrentGeneration) -> None:
        self._reads = CounterReads(database, current)

    async def series(
        self, metrics: Sequence[str], edges: Sequence[datetime], of: tuple[Dimension, str] | None
    ) -> list[dict[str, Any]]:
        """Points with these metrics, each from one edge to the next.

        Args:
            metrics: of `METRICS`; of a value, of `metrics_of`.
            of: one value of a dimension; None takes all posts.
        """
        with in_time(_ANSWER_SECONDS):
            if of is not None:
                dimension, value = of
                found = await (await self._reads.latest()).series(dimension, edges, value)
                views = metrics_of(dimension)
                return [{metric: views[metric](point) for metric in metrics} for point in found]
            columns = await _columns(await self._reads.at_once(), metrics, edges)
        return [dict(zip(metrics, values, strict=True)) for values in zip(*columns, strict=True)]

    async def trends(
        self, dimension: Dimension, before: Window, window: Window, limit: int, order: Order
    ) -> list[dict[str, Any]]:
        """The first values of a window, compared with the window before."""
        with in_time(_ANSWER_SECONDS):
            sums = await self._reads.latest()
            return trend_views(await sums.trends(dimension, before, window, limit, order))

    async def stats(self, since: datetime, until: datetime, kept: Kept) -> dict[str, Any]:
        """What all posts of a time come to."""
        window, hours = (kept.whole(since, until, each) for each in (VOLUME, AUTHORS))
        with in_time(_ANSWER_SECONDS):
            sums = await self._reads.at_once()
            parts = await together(
                {
                    "volume": _total(sums, VOLUME, window, volume_view),
                    "sentiment": _total(sums, SENTIMENT, window, sentiment_view),
                    "word_percentiles": _total(sums, WORDS, window, lengths_view),
                    "character_percentiles": _total(sums, CHARACTERS, window, lengths_view),
                    "languages": _languages(sums, LANGUAGE, window),
                    "detected_languages": _languages(sums, DETECTED_LANGUAGE, window),
                    "authors": _distinct(sums, hours),
                }
            )
        return {**window_view(window), **parts}

    async def author(self, author: str, since: datetime, until: datetime, kept: Kept) -> dict[str, Any]:
        """What the posts of one author come to; of one who never posted, zeros."""
        unit, edges = _author_edges(since, until, kept)
        with in_time(_ANSWER_SECONDS):
            points = await (await self._reads.latest()).series(AUTHOR, edges, author)
        total = {name: sum(point[name] for point in points) for name in AUTHOR.amounts}
        spans = [Window(*span) for span in pairwise(edges)]
        active = [span for span, point in zip(spans, points, strict=True) if point["posts"]]
        return {
            "author": author,
            **window_view(Window(edges[0], edges[-1])),
            "volume": volume_view(total),
            "sentiment": {**mean_view(total["rated"], total["sum"]), **EXACT_MEAN},
            "granularity": unit,
            "first_active": window_view(active[0]) if active else None,
            "last_active": window_view(active[-1]) if active else None,
            "points": [
                {"from": rfc_3339(span.since), "posts": point["posts"]}
                for span, point in zip(spans, points, strict=True)
            ],
        }


def metrics_of(dimension: Dimension) -> Mapping[str, Callable[[Amounts], Any]]:
    """The metrics that there are of one value of a dimension."""
    return AUTHOR_METRICS if dimension is AUTHOR else {"posts": itemgetter("posts")}


def precision_of(metric: str) -> dict[str, Any]:
    """What is said of how exact a metric of a series is."""
    return BOUNDS if metric.endswith("_percentiles") else EXACT_MEAN if metric == "sentiment" else EXACT


def window_view(window: Window) -> dict[str, str]:
    return {"from": rfc_3339(window.since), "until": rfc_3339(window.until)}


async def _columns(sums: Sums, metrics: Sequence[str], edges: Sequence[datetime]) -> list[list[Any]]:
    """The points of each metric; those that come from one dimension are read once."""
    asked = [METRICS[metric] for metric in metrics]
    points = await together({each: _points(sums, each, edges) for each in {each for each, _ in asked}})
    return [[view(point) for point in points[dimension]] for dimension, view in asked]


async def _points(sums: Sums, dimension: Dimension, edges: Sequence[datetime]) -> list[Any]:
    if dimension not in (LANGUAGE, DETECTED_LANGUAGE):
        return [*await sums.series(dimension, edges)]
    most, _, _ = await sums.most(dimension, Window(edges[0], edges[-1]), LANGUAGES_OF_SERIES)
    points = await sums.series_by_value(dimension, edges, [language for language, _ in most])
    return [
        {
            "posts": {language: point[language] for language, _ in most if point.get(language)},
            "others": point.get(None, 0),
        }
        for point in points
    ]


async def _total(
    sums: Sums, dimension: Dimension, window: Window, view: Callable[[Amounts], dict[str, Any]]
) -> dict[str, Any]:
    return view(await sums.total(dimension, window))


async def _languages(sums: Sums, dimension: Dimension, window: Window) -> dict[str, Any]:
    most, others, posts = await sums.most(dimension, window, LANGUAGES_OF_STATS)
    return {
        "most": [{"language": language, "posts": count} for language, count in most],
        "others": {"languages": others, "posts": posts},
        **EXACT,
    }


async def _distinct(sums: Sums, window: Window) -> dict[str, Any]:
    distinct, missing = None, None
    try:
        with in_time(_DISTINCT_SECONDS):
            distinct = estimate(await sums.registers(window))
    except OutOfTimeError:
        missing = f"counting them takes longer than {_DISTINCT_SECONDS:g} s; a shorter time takes less"
    return {
        "distinct": distinct,
        "missing": missing,
        "precision": "estimated",
        "error": ERROR,
        **window_view(window),
    }


def _author_edges(since: datetime, until: datetime, kept: Kept) -> tuple[Unit, list[datetime]]:
    """By the hour where that is kept and not too much to list, else by the day of UTC."""
    window = kept.whole(since, until, AUTHOR)
    unit = kept.unit_at(window.since, AUTHOR)
    if window.length / WIDTHS[unit] > MOST_POINTS:
        unit = "day"
    first, end = floor(window.since, WIDTHS[unit]), ceiling(window.until, WIDTHS[unit])
    return unit, [first + number * WIDTHS[unit] for number in range((end - first) // WIDTHS[unit] + 1)]
