"""Sums as they are served, each `exact`, `estimated` with its error, or with the `bounds` that it lies in."""

from collections.abc import Mapping, Sequence
from typing import Any

from postpulse.counting.dimensions import LABELS, LENGTH_BITS, SENTIMENT_PARTS, VOLUME
from query_api.counters.sums import Amounts

#: Sentiments are summed up in thousandths.
MEAN_ERROR = 0.0005
EXACT = {"precision": "exact"}
EXACT_MEAN = {"precision": "exact", "mean_error": MEAN_ERROR}
BOUNDS = {"precision": "bounds"}
_PERCENTILES = (50, 90, 99)


def volume_view(sums: Amounts) -> dict[str, Any]:
    posts = sums["posts"]
    return {
        **{name: sums[name] for name in VOLUME.amounts},
        "words_per_post": _average(sums["words"], posts, 3),
        "characters_per_post": _average(sums["characters"], posts, 3),
        **EXACT,
    }


def mean_view(posts: int, thousandths: int) -> dict[str, Any]:
    """How many posts have a sentiment, and their mean."""
    return {"posts": posts, "mean": _average(thousandths, posts * 1000, 6)}


def sentiment_point(sums: Amounts) -> dict[str, Any]:
    return {**mean_view(sums["posts"], sums["sum"]), **{label: sums[label] for label in LABELS}}


def sentiment_view(sums: Amounts) -> dict[str, Any]:
    posts = sums["posts"]
    return {
        **mean_view(posts, sums["sum"]),
        "labels": {
            label: {"posts": sums[label], "share": _average(sums[label], posts, 6)} for label in LABELS
        },
        "histogram": [
            {
                "from": round(-1 + part * 2 / SENTIMENT_PARTS, 1),
                "until": round(-1 + (part + 1) * 2 / SENTIMENT_PARTS, 1),
                "posts": sums[f"p{part}"],
            }
            for part in range(SENTIMENT_PARTS)
        ],
        **EXACT_MEAN,
    }


def percentiles_view(sums: Amounts) -> dict[str, Any]:
    """Between which lengths the percentiles lie; null without posts."""
    counts = [sums[f"b{bits}"] for bits in range(LENGTH_BITS + 1)]
    return {f"p{percent}": _percentile(counts, percent) for percent in _PERCENTILES}


def lengths_view(sums: Amounts) -> dict[str, Any]:
    return {**percentiles_view(sums), **BOUNDS}


def _percentile(counts: Sequence[int], percent: int) -> dict[str, int] | None:
    """The bucket of the least length that at least so many percent of the posts do not exceed."""
    total = sum(counts)
    passed = 0
    for bits, count in enumerate(counts):
        passed += count
        if count and passed * 100 >= total * percent:
            return {"lower": 1 << bits - 1 if bits else 0, "upper": (1 << bits) - 1}
    return None


def trend_views(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Trends with their ranks: 1 more than there are values with more posts, so that equals share one.

    Args:
        found: as `Sums.trends` answers.
    """
    return [
        {
            "value": row["_id"],
            "posts": int(row["count"]),
            "posts_before": int(row["before"]),
            "difference": int(row["count"]) - int(row["before"]),
            "ratio": _average(int(row["count"]), int(row["before"]), 6),
            "rank": _rank(row["count"], found["counts"]),
            "rank_before": _rank(row["before"], found["befores"]) if row["before"] else None,
        }
        for row in found["first"]
    ]


def _rank(count: int, counts: Sequence[Mapping[str, int]]) -> int:
    return 1 + sum(int(row["values"]) for row in counts if row["_id"] > count)


def _average(amount: int, number: int, digits: int) -> float | None:
    return round(amount / number, digits) if number else None
