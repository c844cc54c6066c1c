"""Which dead letters there are, and what they hold. Returns data, knows no HTTP."""

import base64
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pymongo
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import DEAD_LETTERS, POSTS, Document
from postpulse.dead_letters import letter_id, letter_key
from postpulse.events import Origin
from query_api.queries.current import CurrentGeneration
from query_api.queries.posts import rfc_3339

#: By then every question has its answer or has failed. A reason is looked for in every letter that is left.
_ANSWER_SECONDS = 10.0
_WITHOUT_BYTES = {"key": 0, "value": 0, "headers": 0}
_STANDING = {"state": 1, "partition": 1, "offset": 1, "redriven_from": 1}
#: Where a page ended: time and key of its last letter.
Place = tuple[datetime, str]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters; each that is given must hold."""

    stage: str | None = None
    reason: str | None = None
    """A part of it, in any case of letters."""
    error_class: str | None = None
    post_id: str | None = None
    topic: str | None = None
    """Where the record stood, with the prefix in force or without."""
    from_: datetime | None = None
    until: datetime | None = None
    """Dead since `from_`, and before this."""


class DeadLetterQueries:
    """Questions about dead letters. Each raises PyMongoError when there is no answer within ten seconds.

    Args:
        topic_prefix: the one in force.
    """

    def __init__(
        self, database: AsyncDatabase[Document], current: CurrentGeneration, topic_prefix: str
    ) -> None:
        self._letters = database[DEAD_LETTERS.name]
        self._current = current
        self._prefix = topic_prefix

    async def page(
        self, filters: Filters, after: Place | None, limit: int
    ) -> tuple[list[Document], Place | None]:
        """Letters without their bytes, newest first, and where the next page begins; None where there is none."""
        return await self._page(filters, after, limit, DESCENDING)

    async def oldest(
        self, filters: Filters, after: Place | None, limit: int
    ) -> tuple[list[Document], Place | None]:
        """As `page`, oldest first: the order in which records go back."""
        return await self._page(filters, after, limit, ASCENDING)

    async def _page(
        self, filters: Filters, after: Place | None, limit: int, order: int
    ) -> tuple[list[Document], Place | None]:
        with pymongo.timeout(_ANSWER_SECONDS):
            found = self._letters.find(self._condition(filters, after, order), _WITHOUT_BYTES)
            letters = await found.sort([("dead_at", order), ("_id", order)]).limit(limit + 1).to_list()
        more, letters = len(letters) > limit, letters[:limit]
        return letters, place_of(letters[-1]) if more else None

    async def count(self, filters: Filters, after: Place) -> int:
        """How many letters come after a place, oldest first."""
        with pymongo.timeout(_ANSWER_SECONDS):
            return await self._letters.count_documents(self._condition(filters, after, ASCENDING))

    async def with_keys(self, keys: Iterable[str]) -> list[Document]:
        """The letters with these keys that there are, without their bytes."""
        with pymongo.timeout(_ANSWER_SECONDS):
            return await self._letters.find({"_id": {"$in": list(keys)}}, _WITHOUT_BYTES).to_list()

    async def whole(self, keys: Iterable[str]) -> list[Document]:
        """The letters with these keys that there are, with everything."""
        with pymongo.timeout(_ANSWER_SECONDS):
            return await self._letters.find({"_id": {"$in": list(keys)}}).to_list()

    async def standing(self, post_ids: Iterable[str]) -> dict[str, Document]:
        """By post_id: state, partition, offset and redriven_from of the posts that there are."""
        with pymongo.timeout(_ANSWER_SECONDS):
            posts = await self._current.collection(POSTS)
            found = await posts.find({"_id": {"$in": list(post_ids)}}, _STANDING).to_list()
        return {post["_id"]: post for post in found}

    async def forget(self, keys: Sequence[str]) -> None:
        """Take letters out of the collection that are out of the topic already.

        The worker that reads the topic does the same; whoever asks meanwhile is not told of letters that are gone.
        """
        with pymongo.timeout(_ANSWER_SECONDS):
            await self._letters.delete_many({"_id": {"$in": list(keys)}})

    async def stats(self) -> dict[str, Any]:
        """How many, by stage and by error class; the times of the oldest and the newest."""
        group = {
            "_id": {"stage": "$stage", "error_class": "$error_class"},
            "letters": {"$sum": 1},
            "oldest": {"$min": "$dead_at"},
            "newest": {"$max": "$dead_at"},
        }
        # Any time at all: with a condition on it, the index is read and not the letters.
        every = {"dead_at": {"$gte": datetime.min.replace(tzinfo=UTC)}}
        with pymongo.timeout(_ANSWER_SECONDS):
            rows = await (await self._letters.aggregate([{"$match": every}, {"$group": group}])).to_list()
        return {
            "letters": sum(row["letters"] for row in rows),
            "stages": _sums(rows, "stage"),
            "error_classes": _sums(rows, "error_class"),
            "oldest": rfc_3339(min(row["oldest"] for row in rows)) if rows else None,
            "newest": rfc_3339(max(row["newest"] for row in rows)) if rows else None,
        }

    def _condition(self, filters: Filters, after: Place | None, order: int) -> Document:
        conditions: list[Document] = [
            {name: value}
            for name in ("stage", "error_class", "post_id")
            if (value := getattr(filters, name)) is not None
        ]
        if filters.reason is not None:
            conditions.append({"reason": {"$regex": re.escape(filters.reason), "$options": "i"}})
        if filters.topic is not None:
            conditions.append({"origin.topic": {"$in": [filters.topic, self._prefix + filters.topic]}})
        if filters.from_ is not None:
            conditions.append({"dead_at": {"$gte": filters.from_}})
        if filters.until is not None:
            conditions.append({"dead_at": {"$lt": filters.until}})
        if after is not None:
            time, key = after
            beyond = "$gt" if order == ASCENDING else "$lt"
            conditions.append({"dead_at": {f"{beyond}e": time}})
            conditions.append({"$or": [{"dead_at": {beyond: time}}, {"_id": {beyond: key}}]})
        return {"$and": conditions} if conditions else {}


def place_of(letter: Document) -> Place:
    return letter["dead_at"], letter["_id"]


def origin_of(stored: Document) -> Origin:
    """Where a record stood. (Larger numbers come from MongoDB as a type of its own.)"""
    time = stored["timestamp"]
    return Origin(
        stored["topic"], int(stored["partition"]), int(stored["offset"]), None if time is None else int(time)
    )


def letter_view(letter: Document) -> dict[str, Any]:
    """A dead letter as it is listed: everything but the bytes."""
    return {
        "id": letter_id(letter["_id"]),
        "stage": letter["stage"],
        "reason": letter["reason"],
        "error_class": letter["error_class"],
        "attempt": int(letter["attempt"]),
        "dead_at": rfc_3339(letter["dead_at"]),
        "version": letter["version"],
        "post_id": letter["post_id"],
        "origin": _origin(letter["origin"]),
        "redriven_from": _origin(letter["redriven_from"]),
        "history": [
            {
                "id": letter_id(letter_key(origin_of(failure["origin"]))),
                "stage": failure["stage"],
                "reason": failure["reason"],
                "error_class": failure["error_class"],
                "dead_at": rfc_3339(failure["dead_at"]),
            }
            for failure in letter["history"]
        ],
        "value_bytes": letter["value_bytes"],
    }


def whole_view(letter: Document, max_value_bytes: int | None = None) -> dict[str, Any]:
    """A dead letter with its record: key, value and headers as they were.

    Args:
        max_value_bytes: of the value, the first so many; no character is cut in two. None for all.
    """
    value: bytes | None = letter["value"]
    return letter_view(letter) | {
        "key": _bytes(letter["key"]),
        "value": _bytes(value if value is None else _beginning(value, max_value_bytes)),
        "headers": [{"name": name, **(_bytes(value) or {})} for name, value in letter["headers"]],
    }


def _origin(stored: Document | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    origin = origin_of(stored)
    try:
        time = rfc_3339(datetime.fromtimestamp(origin.timestamp / 1000, UTC)) if origin.timestamp else None
    except (ValueError, OverflowError, OSError):
        # Producers may say any time.
        time = None
    return {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset, "time": time}


def _beginning(value: bytes, most: int | None) -> bytes:
    if most is None or len(value) <= most:
        return value
    end = most
    # The bytes of UTF-8 that go on with a character.
    while most - end < 3 and end and value[end] & 0xC0 == 0x80:
        end -= 1
    return value[:end]


def _bytes(value: bytes | None) -> dict[str, str] | None:
    """As text where they are UTF-8, else as base64."""
    if value is None:
        return None
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _sums(rows: list[Document], name: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        value = row["_id"][name]
        sums[value] = sums.get(value, 0) + row["letters"]
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
