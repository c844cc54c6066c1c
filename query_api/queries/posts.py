"""What is known of one post. Returns data, knows no HTTP."""

from datetime import UTC, datetime
from typing import Any

import pymongo
from bson.tz_util import utc
from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import CHUNK_RESULTS, DEAD_LETTERS, POSTS, Document
from postpulse.dead_letters import letter_id
from query_api.queries.current import CurrentGeneration

#: Fields of a post as its author sent it; left out where they were not given.
_SENT = ("author", "lang", "source", "tags")
_STANDING = {"state": 1, "chunks": 1, "offset": 1, "reason": 1, "stage": 1, "analyzed_at": 1}
_DEATH = {"stage": 1, "reason": 1, "dead_at": 1}
#: By then every question has its answer or has failed, whatever the state of the servers.
_ANSWER_SECONDS = 2.0


class PostQueries:
    """Questions about one post. Each raises PyMongoError when there is no answer within two seconds."""

    def __init__(self, database: AsyncDatabase[Document], current: CurrentGeneration) -> None:
        self._current = current
        self._letters = database[DEAD_LETTERS.name]

    async def analysis(self, post_id: str) -> Document | None:
        """The document of a post without its content; None where nothing is stored yet."""
        return await self._find(post_id, {"content": 0})

    async def post(self, post_id: str) -> Document | None:
        """The document of a post without its analysis; None where nothing is stored yet."""
        return await self._find(post_id, {"analysis": 0})

    async def status(self, post_id: str) -> dict[str, Any]:
        """Where a post stands: received, analyzing (and how far), analyzed, deleted or dead_lettered (and why)."""
        document = await self._find(post_id, _STANDING)
        done = 0
        while document is not None and document["state"] == "analyzing":
            done = await self._chunks_done(document)
            # Merging takes the partial results away: a count holds if the post still waited after it.
            again = await self._find(post_id, _STANDING)
            if again == document:
                break
            document = again
        letter = None
        if document is None or document["state"] in ("analyzing", "dead"):
            letter = await self._letter(post_id, document)
        return status_view(post_id, document, done, letter)

    async def _find(self, post_id: str, projection: dict[str, int]) -> Document | None:
        with pymongo.timeout(_ANSWER_SECONDS):
            return await (await self._current.collection(POSTS)).find_one({"_id": post_id}, projection)

    async def _letter(self, post_id: str, document: Document | None) -> Document | None:
        """The newest dead letter of a post as its document has it: of a chunk of it, or of its own record."""
        which: Document = {"post_id": post_id}
        if document is not None and document["state"] == "analyzing":
            later = {"$gte": document["offset"]}
            which["$or"] = [{"post_offset": None}, {"origin.offset": later}]
        with pymongo.timeout(_ANSWER_SECONDS):
            return await self._letters.find_one(which, _DEATH, sort=[("dead_at", DESCENDING)])

    async def _chunks_done(self, document: Document) -> int:
        with pymongo.timeout(_ANSWER_SECONDS):
            kept = {"post_id": document["_id"], "offset": document["offset"]}
            return await (await self._current.collection(CHUNK_RESULTS)).count_documents(kept)


def status_view(
    post_id: str, document: Document | None, chunks_done: int, letter: Document | None = None
) -> dict[str, Any]:
    """Where a post stands, as it is served.

    Args:
        document: None where nothing is stored yet.
        letter: what lies with the dead letters of it, where it is not finished.
    """
    if letter is not None:
        return {
            "post_id": post_id,
            "status": "dead_lettered",
            "stage": letter["stage"],
            "reason": letter["reason"],
            "dead_at": rfc_3339(letter["dead_at"]),
            "dead_letter": letter_id(letter["_id"]),
        }
    if document is None:
        return {"post_id": post_id, "status": "received"}
    status: dict[str, Any] = {"post_id": post_id, "status": document["state"]}
    if document["state"] == "analyzing":
        status |= {"chunks": document["chunks"], "chunks_done": chunks_done}
    elif document["state"] == "analyzed":
        status |= {"chunks": document["chunks"], "analyzed_at": rfc_3339(document["analyzed_at"])}
    elif document["state"] == "dead":
        status |= {"status": "dead_lettered", "stage": document["stage"], "reason": document["reason"]}
    return status


def analysis_view(document: Document) -> dict[str, Any]:
    """An analyzed post's analysis as it is served: the metrics at the top, by their names."""
    return {
        "post_id": document["_id"],
        "status": "analyzed",
        **document["analysis"],
        "analysis_version": document["analysis_version"],
        "analysis_us": document.get("analysis_us", 0),
        "revision": int(document["offset"]),
        "chunks": document["chunks"],
        "approximate": document["approximate"],
        "created_at": rfc_3339(document["created_at"]),
        "received_at": rfc_3339(document["received_at"]),
        "analyzed_at": rfc_3339(document["analyzed_at"]),
        **{name: document[name] for name in _SENT if name in document},
    }


def post_view(document: Document) -> dict[str, Any]:
    """A post as its author sent it."""
    return {
        "post_id": document["_id"],
        "status": document["state"],
        "content": document["content"],
        "created_at": rfc_3339(document["created_at"]),
        "received_at": rfc_3339(document["received_at"]),
        "revision": int(document["offset"]),
        **{name: document[name] for name in _SENT if name in document},
    }


def rfc_3339(time: datetime) -> str:
    """A time as the API writes it: UTC, milliseconds."""
    if time.tzinfo is not utc:
        time = time.astimezone(UTC)
    # Without the zone: that of pymongo is written in Python, and asked several times for each text.
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
