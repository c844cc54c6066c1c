"""The document of a post: made from events, and told to other consumers from what it says."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from postpulse import events
from postpulse.collections import Document
from postpulse.counting.dimensions import COUNTERS_VERSION
from postpulse.events import Analysis, Headers, Place, Post
from stream_processors.analysis import ANALYSIS_VERSION

#: Why a result may be off: no legal place to cut was found in a long text.
UNCUTTABLE = "a long stretch without a sentence end was cut, so that counts next to the cut may be off by one"

#: Milliseconds that are a date: the years 1 to 9999.
TIMES = range(-62_135_596_800_000, 253_402_300_800_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def received(post: Post, place: Place, chunks: int) -> Document:
    """A post whose analysis is under way."""
    document: Document = {
        "_id": post.post_id,
        "partition": place.partition,
        "offset": place.offset,
        "state": "analyzing",
        "content": post.content,
        "created_at": to_datetime(post.created_at),
        "received_at": to_datetime(post.received_at),
        "chunks": chunks,
    }
    for name in ("author", "lang", "source"):
        value = getattr(post, name)
        if value is not None:
            document[name] = value
    if post.tags:
        document["tags"] = list(post.tags)
    return document


def analyzed(document: Document, metrics: Mapping[str, Any], took_us: int, exact: bool = True) -> Document:
    """The same post with its analysis.

    Args:
        took_us: how long the analysis took, in microseconds.
        exact: whether the text was cut at legal places only.
    """
    return document | {
        "state": "analyzed",
        "analysis": dict(metrics),
        "analysis_version": ANALYSIS_VERSION,
        "counters_version": COUNTERS_VERSION,
        "analysis_us": took_us,
        "analyzed_at": to_datetime(time.time_ns() // 1_000_000),
        "approximate": [] if exact else [UNCUTTABLE],
    }


def deleted(post_id: str, place: Place, at: int) -> Document:
    """The marker of a deleted post: its place and time, so that what is still under way cannot bring it back.

    Args:
        at: when the delete was accepted, in milliseconds since 1970.
    """
    return {
        "_id": post_id,
        "partition": place.partition,
        "offset": place.offset,
        "state": "deleted",
        "deleted_at": to_datetime(at),
    }


def comes_too_late(received_at: datetime, marker: Document) -> bool:
    """Whether a post was accepted before the delete that it stands behind in the log: it is what was deleted.

    Two ways lead into the log, one of them through a spool, and each API has its own.
    """
    return "deleted_at" in marker and bool(received_at <= marker["deleted_at"])


def tombstone_headers(marker: Document) -> Headers:
    """Those of the tombstone, sent again, that a marker was made of."""
    at = marker.get("deleted_at")
    return events.tombstone_headers(_milliseconds(at)) if at is not None else []


def dead(post_id: str, place: Place, stage: str, reason: str) -> Document:
    """A post whose record could not be processed."""
    return {
        "_id": post_id,
        "partition": place.partition,
        "offset": place.offset,
        "state": "dead",
        "stage": stage,
        "reason": reason,
    }


def analysis_event(document: Document) -> Analysis:
    """What `post-analyses.v1` says of an analyzed post."""
    return Analysis(
        post_id=document["_id"],
        # Of more than 32 bits, a number comes from MongoDB as a type of its own.
        revision=int(document["offset"]),
        analysis_version=document["analysis_version"],
        analysis_us=document.get("analysis_us", 0),
        analyzed_at=_milliseconds(document["analyzed_at"]),
        created_at=_milliseconds(document["created_at"]),
        received_at=_milliseconds(document["received_at"]),
        chunks=document["chunks"],
        metrics=document["analysis"],
        approximate=tuple(document["approximate"]),
        author=document.get("author"),
        lang=document.get("lang"),
        source=document.get("source"),
        tags=tuple(document.get("tags", ())),
    )


def to_datetime(milliseconds: int) -> datetime:
    """The time that an event has in milliseconds since 1970, as MongoDB takes it.

    Raises:
        OverflowError: it is none of the years 1 to 9999.
    """
    # Not by way of seconds: a float of them is too coarse for times far away, and MongoDB cuts microseconds off.
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
