"""Copies in `posts-replay.v1`: each a record of `posts.v1` once more, for one replay, and what came of it."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from pymongo import UpdateOne

from postpulse.replays import original_headers, replay_of, replayed_from
from postpulse.telemetry.metrics import REPLAY_RECORDS
from stream_processors.runtime.batches import Record, copied_headers


def as_it_stood(record: Record, posts_topic: str) -> Record | None:
    """The record that this is a copy of; None where it does not say which one and for which replay."""
    place = replayed_from(record.headers)
    if place is None or replay_of(record.headers) is None:
        return None
    # Records are dataclasses of aiokafka's, which the protocol does not say.
    stood: Record = dataclasses.replace(
        cast(Any, record),
        topic=posts_topic,
        partition=place.partition,
        offset=place.offset,
        headers=original_headers(copied_headers(record)),
    )
    return stood


def effect(replay: str, partition: int, counts: Mapping[str, int]) -> UpdateOne:
    """Adds to what one lane has counted for a replay.

    Args:
        counts: of looked_at, changed, unchanged, failed.
    """
    return UpdateOne(
        {"_id": f"{replay}/{partition}"},
        {
            "$inc": {name: count for name, count in counts.items() if count},
            "$setOnInsert": {"replay": replay},
        },
        upsert=True,
    )


def observe(counts: Mapping[str, int]) -> None:
    """Add to the metrics what came of copies."""
    for how in ("changed", "unchanged", "failed"):
        REPLAY_RECORDS.labels(how).inc(counts[how])


def settled(counts: Counter[str]) -> Counter[str]:
    """The same counts, with those that changed nothing as `unchanged`."""
    return counts | Counter(unchanged=counts["looked_at"] - counts["failed"] - counts["changed"])
