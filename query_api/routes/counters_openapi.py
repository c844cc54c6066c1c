"""What OpenAPI says of the calls about counts."""

from typing import Any

from aiohttp import web

from postpulse.web.openapi import SCHEMAS, describe, json_response, problem_response, schema_ref
from query_api.queries.counters import METRICS, MOST_POINTS
from query_api.routes.counters_parameters import (
    FILTERS,
    MOST_STATS_DAYS,
    MOST_TRENDS,
    MOST_TRENDS_DAYS,
    TRENDS,
)
from query_api.routes.counters_schemas import AUTHOR_STATS, SERIES, STATS, TREND_LIST
from query_api.routes.kept_openapi import IF_NONE_MATCH, KEPT, not_modified

_API = "/api/v1/"
_TAGS = ["counts"]
_TIME = {"type": "string", "format": "date-time"}
_FROM = {
    **_TIME,
    "description": "With an offset; in a URL, + is written %2B.",
    "examples": ["2026-01-31T00:00:00Z"],
}
_UNTIL = {
    **_TIME,
    "description": "Up to, but not including, this time; now, unless it is said.",
    "examples": ["2026-02-01T00:00:00Z"],
}
_WINDOW_PARAMETERS = {
    "window": {
        "enum": ["1h", "6h", "24h", "7d", "30d"],
        "default": "24h",
        "description": "So long until now; in place of from and until.",
    },
    "from": _FROM,
    "until": _UNTIL,
}
_SERIES_PARAMETERS = {
    "metrics": {
        "type": "string",
        "default": "posts",
        "description": f"Of {', '.join(METRICS)}; several separated by commas. With author: posts, words, "
        "characters, sentiment; with another filter: posts.",
        "examples": ["posts,sentiment"],
    },
    "granularity": {"enum": ["minute", "hour", "day", "week"], "default": "hour"},
    "timezone": {
        "type": "string",
        "default": "UTC",
        "description": "IANA name. Days begin at its midnight, weeks on its Mondays, hours where its clock does.",
        "examples": ["Europe/Berlin"],
    },
    "from": {
        **_FROM,
        "description": "Unless it is said: an hour before until, of minutes; a day, of hours; 30 days, of days; "
        "12 weeks, of weeks.",
    },
    "until": _UNTIL,
    **{
        each.name: {
            "type": "string",
            "minLength": 1,
            "description": "One filter at a time.",
            "examples": [each.example],
        }
        for each in FILTERS
    },
}
_NOT_KEPT = "or the time is kept less finely: `kept` says how finely, and since when."
_NO_ANSWER = problem_response(
    "The database cannot be reached, or counting takes longer than 10 s; Retry-After says when to ask again."
)


def _operation(
    name: str, summary: str, description: str, parameters: dict[str, Any], path: dict[str, Any], schema: str
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "tags": _TAGS,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": each} for name, each in path.items()),
            *({"name": name, "in": "query", "schema": each} for name, each in parameters.items()),
            IF_NONE_MATCH,
        ],
        "responses": {
            "200": json_response("The counts.", schema_ref(schema), headers=KEPT),
            "304": not_modified(KEPT),
            "422": problem_response(f"A parameter is not allowed, the answer names it; {_NOT_KEPT}"),
            "503": _NO_ANSWER,
        },
    }


def describe_counters(app: web.Application) -> None:
    app[SCHEMAS].update(
        {"TimeSeries": SERIES, "Trends": TREND_LIST, "Stats": STATS, "AuthorStats": AUTHOR_STATS}
    )
    series = _operation(
        "getTimeSeries",
        "Counts of posts by the minute, hour, day or week",
        f"At most {MOST_POINTS} points. Posts count at the time they were written at (created_at).",
        _SERIES_PARAMETERS,
        {},
        "TimeSeries",
    )
    describe(app, f"{_API}timeseries/", "get", series)
    trends = _operation(
        "getTrends",
        "What is written most, compared with the time before",
        "The order among equals is by posts, then by the value itself. A value counts once a post.",
        {
            **_WINDOW_PARAMETERS,
            "from": {**_FROM, "description": f"At most {MOST_TRENDS_DAYS} days before until."},
            "limit": {"type": "integer", "minimum": 1, "maximum": MOST_TRENDS, "default": 10},
            "order": {
                "enum": ["count", "change"],
                "default": "count",
                "description": "By posts, or by how many more there are than in the window before.",
            },
        },
        {"kind": {"enum": list(TRENDS)}},
        "Trends",
    )
    trends["responses"]["404"] = problem_response("There are no trends of this.")
    describe(app, f"{_API}trends/{{kind}}/", "get", trends)
    longest = {
        **_WINDOW_PARAMETERS,
        "from": {**_FROM, "description": f"At most {MOST_STATS_DAYS} days before until."},
    }
    stats = _operation(
        "getStats", "What all posts of a time come to", "All of one moment.", longest, {}, "Stats"
    )
    describe(app, f"{_API}stats/", "get", stats)
    author = _operation(
        "getAuthorStats",
        "What the posts of one author come to",
        "An author who never posted, or none in this time, has zeros: counts do not tell them apart.",
        longest,
        {
            "author": {
                "type": "string",
                "description": "As posts have it, in the same case of letters.",
                "examples": ["ada"],
            }
        },
        "AuthorStats",
    )
    describe(app, f"{_API}authors/{{author}}/stats/", "get", author)
