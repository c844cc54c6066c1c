"""FastAPI with pymongo's AsyncMongoClient: the same questions, as such a service is usually written.

Parameters are validated by FastAPI, MongoDB does the sums, answers are written by orjson. It knows one generation
of the collections, whose counters are all folded, and it asks what belongs to one answer at the same time.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import FastAPI, HTTPException, Path, Query, Response
from pymongo import AsyncMongoClient

from postpulse.counting.hyperloglog import ERROR, estimate

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVER = datetime.min.replace(tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WINDOWS = {"1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
KINDS = {
    "hashtags": "hashtag",
    "mentions": "mention",
    "domains": "domain",
    "emoji": "emoji",
    "keywords": "keyword",
    "authors": "author",
}
SENT = ("author", "lang", "source", "tags")
LABELS = ("positive", "neutral", "negative")
PARTS = [f"p{part}" for part in range(20)]
LENGTHS = [f"b{bits}" for bits in range(25)]
LISTED = {
    **dict.fromkeys(("created_at", "author", "lang", "source", "tags"), 1),
    **{
        name: f"$analysis.{name}"
        for name in ("language", "sentiment", "sentiment_label", "num_of_words", "mentions", "domains")
    },
    "content": {"$substrCP": ["$content", 0, 281]},
    "hashtags": {"$map": {"input": "$analysis.hashtags", "in": {"$substrCP": ["$$this", 0, 100]}}},
}
#: Parameter -> field, and what its index asks for.
FILTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "author": ("author", {}),
    "language": ("analysis.language", {}),
    "hashtag": ("analysis.hashtags", {"analysis.num_of_hashtags": {"$gt": 0}}),
}

PostId = Annotated[str, Path(pattern="^[0-9A-Z]{32}$")]
Text = Annotated[str | None, Query(min_length=1, max_length=200)]
Time = Annotated[datetime | None, Query()]
From = Annotated[datetime | None, Query(alias="from")]
Window = Annotated[Literal["1h", "6h", "24h", "7d", "30d"], Query()]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncMongoClient(os.environ["MONGO_URI"]) as client:
        app.state.posts = client[os.environ["DATABASE"]].posts
        app.state.counters = client[os.environ["DATABASE"]].counters
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/api/v1/posts/{post_id}/analysis/")
async def analysis(post_id: PostId) -> Response:
    post = await app.state.posts.find_one({"_id": post_id}, {"content": 0})
    if post is None or post["state"] != "analyzed":
        raise HTTPException(404)
    return answer(
        {
            "post_id": post["_id"],
            "status": "analyzed",
            **post["analysis"],
            "analysis_version": post["analysis_version"],
            "analysis_us": post["analysis_us"],
            "revision": post["offset"],
            "chunks": post["chunks"],
            "approximate": post["approximate"],
            "created_at": post["created_at"],
            "received_at": post["received_at"],
            "analyzed_at": post["analyzed_at"],
            **{name: post[name] for name in SENT if name in post},
        }
    )


@app.get("/api/v1/posts/")
async def posts(
    author: Text = None,
    language: Text = None,
    hashtag: Text = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    asked = {"author": author, "language": language, "hashtag": hashtag and hashtag.lower()}
    condition: dict[str, Any] = {"state": "analyzed", "created_at": {"$gte": EVER}}
    for name, value in asked.items():
        if value is not None:
            field, besides = FILTERS[name]
            condition |= {field: value, **besides}
    found = app.state.posts.find(condition, LISTED).sort([("created_at", -1), ("_id", -1)])
    page = await found.limit(limit + 1).to_list()
    more, page = len(page) > limit, page[:limit]
    listed = {"posts": [summary(post) for post in page]}
    if more:
        last = page[-1]["created_at"].isoformat(timespec="milliseconds")
        listed["next_cursor"] = f"{last}Z_{page[-1]['_id']}"
    return answer(listed)


def summary(post: dict[str, Any]) -> dict[str, Any]:
    path, content = f"/api/v1/posts/{post['_id']}/", post["content"]
    return {
        "post_id": post["_id"],
        "created_at": post["created_at"],
        **{name: post.get(name) for name in ("author", "lang", "source")},
        "tags": post.get("tags", []),
        "content": content[:280],
        "truncated": len(content) > 280,
        **{
            name: post[name]
            for name in (
                "language",
                "sentiment",
                "sentiment_label",
                "num_of_words",
                "hashtags",
                "mentions",
                "domains",
            )
        },
        "links": {"post": path, "analysis": f"{path}analysis/"},
    }


@app.get("/api/v1/trends/{kind}/")
async def trends(
    kind: Literal["hashtags", "mentions", "domains", "emoji", "keywords", "authors"],
    from_: From = None,
    until: Time = None,
    window: Window = "24h",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Response:
    now = datetime.now(UTC)
    since, end = span(from_, until, window, now, HOUR)
    before = since - (end - since)
    current = {"$gte": ["$bucket", since]}
    (found,) = await rows(
        KINDS[kind],
        before,
        end,
        {
            "$group": {
                "_id": "$value",
                "count": {"$sum": {"$cond": [current, "$posts", 0]}},
                "before": {"$sum": {"$cond": [current, 0, "$posts"]}},
            }
        },
        {
            "$facet": {
                "first": [
                    {"$match": {"count": {"$gt": 0}}},
                    {"$sort": {"count": -1, "_id": 1}},
                    {"$limit": limit},
                ],
                **{
                    f"{name}s": [
                        {"$match": {name: {"$gt": 0}}},
                        {"$group": {"_id": f"${name}", "values": {"$sum": 1}}},
                    ]
                    for name in ("count", "before")
                },
            }
        },
    )
    return answer(
        {
            "kind": kind,
            "from": since,
            "until": end,
            "seconds_to_come": max(0, round((end - now).total_seconds())),
            "before": {"from": before, "until": since},
            "order": "count",
            "precision": "exact",
            "trends": [
                {
                    "value": row["_id"],
                    "posts": row["count"],
                    "posts_before": row["before"],
                    "difference": row["count"] - row["before"],
                    "ratio": average(row["count"], row["before"], 6),
                    "rank": rank(row["count"], found["counts"]),
                    "rank_before": rank(row["before"], found["befores"]) if row["before"] else None,
                }
                for row in found["first"]
            ],
        }
    )


@app.get("/api/v1/timeseries/")
async def timeseries(from_: From = None, until: Time = None) -> Response:
    """Posts and their sentiment, by the hour."""
    now = datetime.now(UTC)
    end = ceiling(until or now, HOUR)
    since = floor(from_ or end - DAY, HOUR)
    hour = {"$dateTrunc": {"date": "$bucket", "unit": "hour"}}
    volume, sentiment = await asyncio.gather(
        rows("volume", since, end, {"$group": {"_id": hour, "posts": {"$sum": "$posts"}}}),
        rows("sentiment", since, end, {"$group": {"_id": hour, **sums(("posts", "sum", *LABELS))}}),
    )
    posts = {row["_id"].replace(tzinfo=UTC): row["posts"] for row in volume}
    rated = {row["_id"].replace(tzinfo=UTC): row for row in sentiment}
    nothing = dict.fromkeys(("posts", "sum", *LABELS), 0)
    points = []
    at = since
    while at < end:
        row = rated.get(at, nothing)
        points.append(
            {
                "from": at,
                "posts": posts.get(at, 0),
                "sentiment": {
                    **mean(row["posts"], row["sum"]),
                    **{label: row[label] for label in LABELS},
                },
            }
        )
        at += HOUR
    return answer(
        {
            "granularity": "hour",
            "timezone": "UTC",
            "from": since,
            "until": end,
            "of": None,
            "metrics": {
                "posts": {"precision": "exact"},
                "sentiment": {"precision": "exact", "mean_error": 0.0005},
            },
            "points": points,
        }
    )


@app.get("/api/v1/stats/")
async def stats(from_: From = None, until: Time = None, window: Window = "24h") -> Response:
    now = datetime.now(UTC)
    since, end = span(from_, until, window, now, MINUTE)
    hours = span(from_, until, window, now, HOUR)
    volume, sentiment, words, characters, languages, detected, registers = await asyncio.gather(
        total("volume", since, end, ("posts", "words", "characters")),
        total("sentiment", since, end, ("posts", "sum", *LABELS, *PARTS)),
        total("words", since, end, LENGTHS),
        total("characters", since, end, LENGTHS),
        most("language", since, end),
        most("detected_language", since, end),
        rows(
            "authors",
            *hours,
            {"$project": {"register": {"$objectToArray": "$registers"}}},
            {"$unwind": "$register"},
            {"$group": {"_id": "$register.k", "rank": {"$max": "$register.v"}}},
        ),
    )
    posts = sentiment["posts"]
    return answer(
        {
            "from": since,
            "until": end,
            "volume": sizes(volume),
            "sentiment": {
                **mean(posts, sentiment["sum"]),
                "labels": {
                    label: {"posts": sentiment[label], "share": average(sentiment[label], posts, 6)}
                    for label in LABELS
                },
                "histogram": [
                    {
                        "from": round(-1 + part / 10, 1),
                        "until": round(-1 + (part + 1) / 10, 1),
                        "posts": sentiment[f"p{part}"],
                    }
                    for part in range(20)
                ],
                "precision": "exact",
                "mean_error": 0.0005,
            },
            "word_percentiles": percentiles(words),
            "character_percentiles": percentiles(characters),
            "languages": languages,
            "detected_languages": detected,
            "authors": {
                "distinct": estimate({row["_id"]: row["rank"] for row in registers}),
                "missing": None,
                "precision": "estimated",
                "error": ERROR,
                "from": hours[0],
                "until": hours[1],
            },
        }
    )


@app.get("/api/v1/authors/{author}/stats/")
async def author_stats(
    author: str, from_: From = None, until: Time = None, window: Window = "24h"
) -> Response:
    since, end = span(from_, until, window, datetime.now(UTC), HOUR)
    names = ("posts", "words", "characters", "rated", "sum")
    found = await rows("author", since, end, {"$group": {"_id": "$bucket", **sums(names)}}, value=author)
    by_hour = {row["_id"].replace(tzinfo=UTC): row for row in found}
    hours = [since + number * HOUR for number in range((end - since) // HOUR)]
    active = [hour for hour in hours if hour in by_hour and by_hour[hour]["posts"]]
    counted = {name: sum(row[name] for row in found) for name in names}
    return answer(
        {
            "author": author,
            "from": since,
            "until": end,
            "volume": sizes(counted),
            "sentiment": {
                **mean(counted["rated"], counted["sum"]),
                "precision": "exact",
                "mean_error": 0.0005,
            },
            "granularity": "hour",
            "first_active": {"from": active[0], "until": active[0] + HOUR} if active else None,
            "last_active": {"from": active[-1], "until": active[-1] + HOUR} if active else None,
            "points": [
                {"from": hour, "posts": by_hour[hour]["posts"] if hour in by_hour else 0} for hour in hours
            ],
        }
    )


async def rows(
    dimension: str, since: datetime, until: datetime, *stages: dict[str, Any], value: str | None = None
) -> list[dict[str, Any]]:
    which: dict[str, Any] = {
        "dimension": dimension,
        "granularity": {"$in": ["minute", "hour", "day"]},
        "bucket": {"$gte": since, "$lt": until},
    }
    if value is not None:
        which["value"] = value
    found = await app.state.counters.aggregate([{"$match": which}, *stages])
    return await found.to_list()


async def total(dimension: str, since: datetime, until: datetime, names: Any) -> dict[str, int]:
    found = await rows(dimension, since, until, {"$group": {"_id": None, **sums(names)}})
    return found[0] if found else dict.fromkeys(names, 0)


async def most(dimension: str, since: datetime, until: datetime) -> dict[str, Any]:
    found = await rows(
        dimension,
        since,
        until,
        {"$group": {"_id": "$value", "posts": {"$sum": "$posts"}}},
        {"$match": {"posts": {"$gt": 0}}},
        {"$sort": {"posts": -1, "_id": 1}},
    )
    return {
        "most": [{"language": row["_id"], "posts": row["posts"]} for row in found[:100]],
        "others": {"languages": len(found[100:]), "posts": sum(row["posts"] for row in found[100:])},
        "precision": "exact",
    }


def sums(names: Any) -> dict[str, Any]:
    return {name: {"$sum": f"${name}"} for name in names}


def sizes(counted: dict[str, int]) -> dict[str, Any]:
    posts = counted["posts"]
    return {
        **{name: counted[name] for name in ("posts", "words", "characters")},
        "words_per_post": average(counted["words"], posts, 3),
        "characters_per_post": average(counted["characters"], posts, 3),
        "precision": "exact",
    }


def mean(posts: int, thousandths: int) -> dict[str, Any]:
    return {"posts": posts, "mean": average(thousandths, posts * 1000, 6)}


def percentiles(counted: dict[str, int]) -> dict[str, Any]:
    posts = sum(counted[name] for name in LENGTHS)
    found: dict[str, Any] = {"precision": "bounds"}
    for percent in (50, 90, 99):
        passed, found[f"p{percent}"] = 0, None
        for bits, name in enumerate(LENGTHS):
            passed += counted[name]
            if counted[name] and passed * 100 >= posts * percent:
                found[f"p{percent}"] = {"lower": 1 << bits - 1 if bits else 0, "upper": (1 << bits) - 1}
                break
    return found


def rank(count: int, counts: list[dict[str, int]]) -> int:
    return 1 + sum(row["values"] for row in counts if row["_id"] > count)


def average(amount: int, number: int, digits: int) -> float | None:
    return round(amount / number, digits) if number else None


def span(
    since: datetime | None, until: datetime | None, window: str, now: datetime, width: timedelta
) -> tuple[datetime, datetime]:
    end = until or now
    return floor(since or end - WINDOWS[window], width), ceiling(end, width)


def floor(time: datetime, width: timedelta) -> datetime:
    return time - (time - EPOCH) % width


def ceiling(time: datetime, width: timedelta) -> datetime:
    return time + (EPOCH - time) % width


def answer(content: dict[str, Any]) -> Response:
    # Times come from MongoDB without a zone: UTC.
    body = orjson.dumps(content, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
    return Response(body, media_type="application/json")
