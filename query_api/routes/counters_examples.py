"""Answers about counts as OpenAPI shows them."""

from typing import Any

_WINDOW: dict[str, Any] = {"from": "2026-01-31T12:00:00.000Z", "until": "2026-01-31T13:00:00.000Z"}
_MEAN: dict[str, Any] = {"posts": 2, "mean": 0.3185}
_EXACT_MEAN: dict[str, Any] = {"precision": "exact", "mean_error": 0.0005}
_VOLUME = {
    "posts": 3,
    "words": 40,
    "characters": 213,
    "words_per_post": 13.333,
    "characters_per_post": 71.0,
    "precision": "exact",
}
_LANGUAGES = {
    "most": [{"language": "en", "posts": 3}],
    "others": {"languages": 0, "posts": 0},
    "precision": "exact",
}


def _percentiles(lower: int, upper: int) -> dict[str, Any]:
    bounds = {"lower": lower, "upper": upper}
    return {"p50": bounds, "p90": bounds, "p99": bounds, "precision": "bounds"}


SERIES: dict[str, Any] = {
    "granularity": "hour",
    "timezone": "Europe/Berlin",
    "from": "2026-01-31T13:00:00+01:00",
    "until": "2026-01-31T15:00:00+01:00",
    "of": {"author": "ada"},
    "metrics": {"posts": {"precision": "exact"}, "sentiment": _EXACT_MEAN},
    "points": [
        {"from": "2026-01-31T13:00:00+01:00", "posts": 3, "sentiment": _MEAN},
        {"from": "2026-01-31T14:00:00+01:00", "posts": 0, "sentiment": {"posts": 0, "mean": None}},
    ],
}
TREND_LIST: dict[str, Any] = {
    "kind": "hashtags",
    **_WINDOW,
    "seconds_to_come": 0,
    "before": {"from": "2026-01-31T11:00:00.000Z", "until": "2026-01-31T12:00:00.000Z"},
    "order": "count",
    "precision": "exact",
    "trends": [
        {
            "value": "news",
            "posts": 30,
            "posts_before": 20,
            "difference": 10,
            "ratio": 1.5,
            "rank": 1,
            "rank_before": 2,
        }
    ],
}
STATS: dict[str, Any] = {
    **_WINDOW,
    "volume": _VOLUME,
    "sentiment": {
        **_MEAN,
        "labels": {
            "positive": {"posts": 1, "share": 0.5},
            "neutral": {"posts": 1, "share": 0.5},
            "negative": {"posts": 0, "share": 0.0},
        },
        "histogram": [
            {"from": (part - 10) / 10, "until": (part - 9) / 10, "posts": int(part in (10, 16))}
            for part in range(20)
        ],
        **_EXACT_MEAN,
    },
    "word_percentiles": _percentiles(8, 15),
    "character_percentiles": _percentiles(64, 127),
    "languages": _LANGUAGES,
    "detected_languages": _LANGUAGES,
    "authors": {"distinct": 2, "missing": None, "precision": "estimated", "error": 0.01625, **_WINDOW},
}
AUTHOR_STATS: dict[str, Any] = {
    "author": "ada",
    **_WINDOW,
    "volume": _VOLUME,
    "sentiment": {**_MEAN, **_EXACT_MEAN},
    "granularity": "hour",
    "first_active": _WINDOW,
    "last_active": _WINDOW,
    "points": [{"from": _WINDOW["from"], "posts": 3}],
}
