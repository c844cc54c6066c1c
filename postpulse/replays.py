"""What the services agree on about replays: their ids, states and documents, and the headers of their records."""

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from postpulse.collections import Document
from postpulse.events import Headers, Place

#: States of a replay that is not over; in the others nothing changes any more.
OPEN = ("waiting", "running")
EFFECTS = ("looked_at", "changed", "unchanged", "failed")
_REPLAY_ID = "replay-id"
_REPLAYED_FROM = "replayed-from"
#: Of ids; those of former versions have no microseconds.
ID_PATTERN = "^[0-9a-f]{11}-([0-9a-f]{3})?[0-9a-f]{4}$"


def new_id() -> str:
    """An id that sorts by the time at which it is made: milliseconds since 1970, microseconds, chance."""
    milliseconds, microseconds = divmod(time.time_ns() // 1000, 1000)
    return f"{milliseconds:011x}-{microseconds:03x}{secrets.token_hex(2)}"


def new_replay(
    selection: Document,
    rate: float | None = None,
    places: Mapping[str, Sequence[int]] | None = None,
    rebuild: bool = False,
) -> Document:
    """The document of a replay that waits for its turn.

    Args:
        selection: {"all": True}, {"from": …, "until": …} (datetimes), {"offsets": {"0": [from, until]}} or
            {"post_ids": how many}.
        rate: records a second, at most.
        places: of single posts, the ascending offsets by partition.
        rebuild: fill a new generation, and switch queries to it, rather than correct the current one in place.
    """
    document: Document = {
        "_id": new_id(),
        "selection": selection,
        "state": "waiting",
        "created_at": datetime.now(UTC),
        "copied": 0,
    }
    if rate is not None:
        document["rate"] = rate
    if rebuild:
        document["into"] = "new"
    if places is not None:
        document["places"] = {partition: list(offsets) for partition, offsets in places.items()}
    return document


def replay_headers(headers: Headers, replay_id: str, place: Place) -> Headers:
    """The headers of a copy: the record's own, the replay, and where the record stands in posts.v1."""
    return [
        *original_headers(headers),
        (_REPLAY_ID, replay_id.encode()),
        (_REPLAYED_FROM, f"{place.partition}/{place.offset}".encode()),
    ]


def original_headers(headers: Headers) -> Headers:
    """Those that the record had that a copy was made of."""
    return [(name, value) for name, value in headers if name not in (_REPLAY_ID, _REPLAYED_FROM)]


def replay_of(headers: Sequence[tuple[str, bytes | None]] | None) -> str | None:
    """The id of the replay that a record is a copy for; None where it does not say."""
    value = next((value for name, value in headers or () if name == _REPLAY_ID), None)
    return value.decode("ascii", "replace")[:40] if value else None


def replayed_from(headers: Sequence[tuple[str, bytes | None]] | None) -> Place | None:
    """Where the record that this is a copy of stands in posts.v1; None where it does not say."""
    value = next((value for name, value in headers or () if name == _REPLAYED_FROM), None) or b""
    partition, _, offset = value.partition(b"/")
    if not (partition.isdigit() and offset.isdigit() and len(partition) < 10 and len(offset) < 19):
        return None
    return Place(int(partition), int(offset))


def offsets_of(replay: Mapping[str, Any]) -> tuple[int, int]:
    """How many offsets of posts.v1 a replay covers, and how many of them it has passed."""
    total = passed = 0
    places = replay.get("places")
    for span in replay.get("spans") or ():
        if places is None:
            total += int(span["to"] - span["from"])
            passed += int(span["next"] - span["from"])
        else:
            offsets = places.get(str(span["partition"]), ())
            total += len(offsets)
            passed += sum(offset < span["next"] for offset in offsets)
    return total, passed


def span(partition: int, start: int, end: int) -> Document:
    """Offsets of one partition, from `start` up to but not including `end`, none of them copied yet."""
    return {"partition": partition, "from": start, "to": end, "next": start}
