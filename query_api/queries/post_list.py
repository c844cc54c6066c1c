"""Analyzed posts, by what they say and who says it, newest first. Returns data, knows no HTTP."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import pymongo
from pymongo import DESCENDING
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError

from postpulse.collections import MOST_SEARCHED_CHARACTERS, POSTS, Document
from query_api.queries.current import CurrentGeneration
from query_api.queries.in_time import OutOfTimeError, in_time
from query_api.queries.posts import rfc_3339

#: MongoDB gets it as maxTimeMS: what takes longer is ended there.
_ANSWER_SECONDS = 5.0
#: Of MongoDB's own time, the client's not counted; and for one batch of it.
_EXPORT_SECONDS = 600.0
_BATCH_SECONDS = 30.0
#: MongoDB answers with at most 16 MiB at a time, however few posts that are.
_BATCH_POSTS = 200
_CLOSE_SECONDS = 2.0
_INDEX_NOT_FOUND = 27
#: Of the content in a list, in code points; and of one hashtag.
SHOWN_CHARACTERS = 280
_HASHTAG_CHARACTERS = 100

_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_EVER = datetime.min.replace(tzinfo=UTC)
_AS_SENT = ("author", "lang", "source", "tags")
_METRICS = ("language", "sentiment", "sentiment_label", "num_of_words", "hashtags", "mentions", "domains")
_WHOLE: Document = {
    **dict.fromkeys(("created_at", "content", *_AS_SENT), 1),
    **{name: f"$analysis.{name}" for name in _METRICS},
}
_SHOWN: Document = {
    **_WHOLE,
    # One more tells whether there are more.
    "content": {"$substrCP": ["$content", 0, SHOWN_CHARACTERS + 1]},
    "hashtags": {
        "$map": {"input": "$analysis.hashtags", "in": {"$substrCP": ["$$this", 0, _HASHTAG_CHARACTERS]}}
    },
}
#: Filter -> the field that it holds for, and what else each post has that it holds for: the index asks for it.
_EQUAL: dict[str, tuple[str, Document]] = {
    **{name: (name, {}) for name in ("author", "lang", "source")},
    "tag": ("tags", {}),
    "language": ("analysis.language", {}),
    "sentiment": ("analysis.sentiment_label", {}),
    "hashtag": ("analysis.hashtags", {"analysis.num_of_hashtags": {"$gt": 0}}),
    "mention": ("analysis.mentions", {"analysis.num_of_mentions": {"$gt": 0}}),
    "domain": ("analysis.domains", {"analysis.num_of_urls": {"$gt": 0}}),
}
#: Where a page ended: time and post_id of its last post.
Place = tuple[datetime, str]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which posts; each that is given must hold. Values are compared as the documents have them."""

    author: str | None = None
    hashtag: str | None = None
    mention: str | None = None
    domain: str | None = None
    language: str | None = None
    """As it was detected."""
    lang: str | None = None
    """As the author said."""
    source: str | None = None
    tag: str | None = None
    sentiment: Literal["positive", "neutral", "negative"] | None = None
    min_sentiment: float | None = None
    max_sentiment: float | None = None
    from_: datetime | None = None
    until: datetime | None = None
    """Created since `from_`, and before this."""
    words: tuple[str, ...] = ()
    """All of them are in the content, as whole words, in any case of letters."""


class NoTextIndexError(Exception):
    """Posts are not to be found by their words."""


class PostListQueries:
    """Questions about many posts; of those only that are analyzed.

    Each raises PyMongoError when there is no answer, OutOfTimeError, or NoTextIndexError.
    """

    def __init__(self, current: CurrentGeneration) -> None:
        self._current = current

    async def page(
        self, filters: Filters, after: Place | None, limit: int
    ) -> tuple[list[Document], Place | None]:
        """Posts, newest first, of long texts the beginning, and where the next page begins; None on the last."""
        try:
            with in_time(_ANSWER_SECONDS):
                posts = await self._current.collection(POSTS)
                found = posts.find(condition(filters, after), _SHOWN).sort(_NEWEST_FIRST)
                page = await found.limit(limit + 1).to_list()
        except OperationFailure as exc:
            _refuse_words(exc)
            raise
        more, page = len(page) > limit, page[:limit]
        return page, (page[-1]["created_at"], page[-1]["_id"]) if more else None

    async def every(self, filters: Filters) -> AsyncGenerator[Document, None]:
        """All of them, whole, in the same order. To be closed: MongoDB's cursor goes with it."""
        posts = await self._current.collection(POSTS)
        found = posts.find(
            condition(filters, None),
            _WHOLE,
            sort=_NEWEST_FIRST,
            batch_size=_BATCH_POSTS,
            max_time_ms=int(_EXPORT_SECONDS * 1000),
            # What is found by its words is sorted first.
            allow_disk_use=True,
        )
        try:
            while (post := await _next(found)) is not None:
                yield post
        finally:
            with suppress(PyMongoError), pymongo.timeout(_CLOSE_SECONDS):
                await found.close()


async def _next(found: AsyncCursor[Document]) -> Document | None:
    # Not by pymongo.timeout: that would limit what MongoDB does for all batches together.
    try:
        async with asyncio.timeout(_BATCH_SECONDS):
            return await anext(found, None)
    except (TimeoutError, ExecutionTimeout):
        raise OutOfTimeError(_BATCH_SECONDS) from None
    except OperationFailure as exc:
        _refuse_words(exc)
        raise


def _refuse_words(exc: OperationFailure) -> None:
    if exc.code == _INDEX_NOT_FOUND:
        raise NoTextIndexError from None


def condition(filters: Filters, after: Place | None) -> Document:
    """What MongoDB is asked for: always a time, so that the keys of the index are looked at, not the posts."""
    holds: list[Document] = [{"state": "analyzed"}]
    for name, (field, besides) in _EQUAL.items():
        if (value := getattr(filters, name)) is not None:
            holds.append({field: value, **besides})
    sentiment = {"$gte": filters.min_sentiment, "$lte": filters.max_sentiment}
    if sentiment := {limit: value for limit, value in sentiment.items() if value is not None}:
        holds.append({"analysis.sentiment": sentiment})
    holds.append({"created_at": {"$gte": filters.from_ or _EVER}})
    if filters.until is not None:
        holds.append({"created_at": {"$lt": filters.until}})
    if filters.words:
        holds.extend(_with_words(filters.words))
    if after is None:
        return {"$and": holds}
    time, post_id = after
    earlier: Document = {"created_at": {"$lt": time}}
    as_early: Document = {"created_at": time, "_id": {"$lt": post_id}}
    if filters.words:
        # MongoDB takes no alternatives with words in them.
        return {"$and": [*holds, {"created_at": {"$lte": time}}, {"$or": [earlier, as_early]}]}
    # Two ranges of one index: of any number of posts of the same time none is looked at twice.
    return {"$or": [{"$and": [*holds, earlier]}, {"$and": [*holds, as_early]}]}


def _with_words(words: tuple[str, ...]) -> list[Document]:
    # MongoDB finds what has any of the words: it is asked for the longest, mostly the rarest, and looks at what it
    # finds for the others.
    longest = max(words, key=len)
    return [
        {"$text": {"$search": longest, "$diacriticSensitive": True}},
        {"analysis.num_of_characters": {"$lte": MOST_SEARCHED_CHARACTERS}},
        *({"content": {"$regex": _whole(word), "$options": "i"}} for word in words if word != longest),
    ]


def _whole(word: str) -> str:
    letter = r"[\p{L}\p{M}\p{N}_]"
    return rf"(?<!{letter}){re.escape(word)}(?!{letter})"


def summary_view(document: Document) -> dict[str, Any]:
    """A post as it is listed."""
    path = f"/api/v1/posts/{quote(document['_id'], safe='')}/"
    return {
        **row_view(document),
        "content": document["content"][:SHOWN_CHARACTERS],
        "truncated": len(document["content"]) > SHOWN_CHARACTERS,
        "links": {"post": path, "analysis": f"{path}analysis/"},
    }


def row_view(document: Document) -> dict[str, Any]:
    """A post as it is exported; what its author did not give is null."""
    return {
        "post_id": document["_id"],
        "created_at": rfc_3339(document["created_at"]),
        **{name: document.get(name) for name in ("author", "lang", "source")},
        "tags": document.get("tags", []),
        "content": document["content"],
        **{name: document[name] for name in _METRICS},
    }
