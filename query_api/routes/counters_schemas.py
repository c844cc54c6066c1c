"""The answers about counts, as OpenAPI describes them."""

from typing import Any

from query_api.queries.counters import LANGUAGES_OF_SERIES, LANGUAGES_OF_STATS, METRICS, MOST_POINTS
from query_api.routes import counters_examples
from query_api.routes.counters_parameters import MOST_TRENDS, TRENDS

_TIME = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_AVERAGE = {"type": ["number", "null"], "minimum": 0, "description": "To three digits; null without posts."}
_EXACT = {"precision": {"const": "exact"}}
_MEAN = {
    "type": ["number", "null"],
    "minimum": -1,
    "maximum": 1,
    "description": "Null without posts that have a sentiment.",
}
_MEAN_ERROR = {
    "type": "number",
    "description": "How far the mean may be off, since each sentiment is rounded to thousandths.",
}


def _object(properties: dict[str, Any], *optional: str, **more: Any) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, **more}


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "null"}]}


_WINDOW = _object({"from": _TIME, "until": _TIME})
_BOUNDS = _maybe(_object({"lower": _COUNT, "upper": _COUNT}))
_PERCENTILES: dict[str, Any] = {f"p{percent}": _BOUNDS for percent in (50, 90, 99)}
_PERCENTILES_NOTE = (
    "The least length that so many percent of the posts do not exceed lies between lower and upper, both included: "
    "lengths are counted by powers of two. Null without posts."
)
_STATS_PERCENTILES = _object(
    {**_PERCENTILES, "precision": {"const": "bounds"}}, description=_PERCENTILES_NOTE
)
_VOLUME = _object(
    {
        "posts": _COUNT,
        "words": _COUNT,
        "characters": _COUNT,
        "words_per_post": _AVERAGE,
        "characters_per_post": _AVERAGE,
        **_EXACT,
    }
)
_MEAN_VALUES = {"posts": {**_COUNT, "description": "That have a sentiment."}, "mean": _MEAN}
_LABELS: dict[str, Any] = {"positive": _COUNT, "neutral": _COUNT, "negative": _COUNT}
_SENTIMENT = _object(
    {
        **_MEAN_VALUES,
        "labels": _object(dict.fromkeys(_LABELS, _object({"posts": _COUNT, "share": _SHARE}))),
        "histogram": {
            "type": "array",
            "minItems": 20,
            "maxItems": 20,
            "description": "Equal parts of -1 to 1; the last one includes 1.",
            "items": _object({"from": {"type": "number"}, "until": {"type": "number"}, "posts": _COUNT}),
        },
        **_EXACT,
        "mean_error": _MEAN_ERROR,
    }
)
_LANGUAGES = _object(
    {
        "most": {
            "type": "array",
            "maxItems": LANGUAGES_OF_STATS,
            "items": _object({"language": {"type": "string"}, "posts": _COUNT}),
        },
        "others": _object({"languages": _COUNT, "posts": _COUNT}),
        **_EXACT,
    }
)
_DISTINCT = _object(
    {
        "distinct": {"type": ["integer", "null"], "minimum": 0},
        "missing": {"type": ["string", "null"], "description": "Why distinct is null."},
        "precision": {"const": "estimated"},
        "error": {
            "type": "number",
            "description": "Standard error, as a share of the estimate (HyperLogLog). Deleted posts still count.",
        },
        "from": _TIME,
        "until": {**_TIME, "description": "Of these, whole hours."},
    }
)
_LANGUAGE_POINT = _object(
    {"posts": {"type": "object", "additionalProperties": _COUNT}, "others": _COUNT},
    description=f"By the {LANGUAGES_OF_SERIES} languages with most posts in the series; all others together.",
)
_POINT: dict[str, Any] = {
    "from": {**_TIME, "description": "By the clock of the timezone. It ends where the next one begins."},
    "posts": _COUNT,
    "words": _COUNT,
    "characters": _COUNT,
    "sentiment": _object({**_MEAN_VALUES, **_LABELS}, *_LABELS, description="Of one author, no labels."),
    "languages": _LANGUAGE_POINT,
    "detected_languages": _LANGUAGE_POINT,
    "word_percentiles": _object(_PERCENTILES, description=_PERCENTILES_NOTE),
    "character_percentiles": _object(_PERCENTILES, description=_PERCENTILES_NOTE),
}
SERIES = _object(
    {
        "granularity": {"enum": ["minute", "hour", "day", "week"]},
        "timezone": {"type": "string"},
        "from": {**_TIME, "description": "Where the first point begins, at what was asked for or before it."},
        "until": {**_TIME, "description": "Where the last point ends."},
        "of": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "description": "The filter, as it is counted; null for all posts.",
        },
        "metrics": {
            "type": "object",
            "description": "Metric -> how exact it is.",
            "additionalProperties": _object(
                {"precision": {"enum": ["exact", "bounds"]}, "mean_error": _MEAN_ERROR}, "mean_error"
            ),
        },
        "points": {
            "type": "array",
            "maxItems": MOST_POINTS,
            "description": "All there are, those without posts with zeros, each with the metrics asked for.",
            "items": _object(_POINT, *METRICS),
        },
    },
    examples=[counters_examples.SERIES],
)
_TREND = _object(
    {
        "value": {"type": "string"},
        "posts": _COUNT,
        "posts_before": _COUNT,
        "difference": {"type": "integer"},
        "ratio": {"type": ["number", "null"], "description": "posts / posts_before; null where that is 0."},
        "rank": {"type": "integer", "minimum": 1, "description": "By posts; equals share the better one."},
        "rank_before": {"type": ["integer", "null"], "minimum": 1, "description": "Null without posts then."},
    }
)
TREND_LIST = _object(
    {
        "kind": {"enum": list(TRENDS)},
        "from": {**_TIME, "description": "The window looked at: all hours that what was asked for lies in."},
        "until": _TIME,
        "seconds_to_come": {
            **_COUNT,
            "description": "Of the window, which the window before has in full: it ends with the hour under way.",
        },
        "before": _WINDOW,
        "order": {"enum": ["count", "change"]},
        **_EXACT,
        "trends": {"type": "array", "maxItems": MOST_TRENDS, "items": _TREND},
    },
    examples=[counters_examples.TREND_LIST],
)
STATS = _object(
    {
        "from": {**_TIME, "description": "The time looked at: whole minutes, or what is kept of it."},
        "until": _TIME,
        "volume": _VOLUME,
        "sentiment": _SENTIMENT,
        "word_percentiles": _STATS_PERCENTILES,
        "character_percentiles": _STATS_PERCENTILES,
        "languages": {**_LANGUAGES, "description": "As the senders say."},
        "detected_languages": {**_LANGUAGES, "description": "As the analysis found; und where it could not."},
        "authors": _DISTINCT,
    },
    examples=[counters_examples.STATS],
)
AUTHOR_STATS = _object(
    {
        "author": {"type": "string"},
        "from": {**_TIME, "description": "The time looked at: whole hours, or days."},
        "until": _TIME,
        "volume": _VOLUME,
        "sentiment": _object({**_MEAN_VALUES, **_EXACT, "mean_error": _MEAN_ERROR}),
        "granularity": {
            "enum": ["hour", "day"],
            "description": f"Of the points: days (UTC) beyond {MOST_POINTS} hours, and where no hours are kept.",
        },
        "first_active": {**_maybe(_WINDOW), "description": "The first point with posts, in this time."},
        "last_active": {**_maybe(_WINDOW), "description": "The last one."},
        "points": {
            "type": "array",
            "maxItems": MOST_POINTS,
            "items": _object({"from": _TIME, "posts": _COUNT}),
        },
    },
    examples=[counters_examples.AUTHOR_STATS],
)
