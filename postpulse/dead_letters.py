"""What the services agree on about dead letters: their keys and ids, whose they are, and how records go back.

A redriven record is the raw record again, with headers that say where it stood first, which attempt this is and
what failed before. Should it fail again, its new letter reads them, so that no history is lost.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from postpulse.events import Failure, Headers, Origin
from postpulse.post_ids import id_in

#: JSON of the `Origin` at which the record stood the first time.
REDRIVEN_FROM = "redriven-from"
ATTEMPT = "redrive-attempt"
#: JSON of earlier `Failure`s, oldest first.
FAILURES = "redrive-history"
_OURS = frozenset((REDRIVEN_FROM, ATTEMPT, FAILURES))
#: Of earlier failures: enough to see a pattern, and bounded however often a record is redriven.
_MOST_FAILURES = 10
_MOST_REASON = 500
#: In headers that we wrote; anything below it can be sent and stored.
_MOST_NUMBER = 2**63 - 1

_ID = re.compile(
    r"(?P<topic>[A-Za-z0-9._-]{1,249})-(?P<partition>0|[1-9]\d{0,9})-(?P<offset>0|[1-9]\d{0,18})"
)
_origins = msgspec.json.Decoder(Origin)
_failures = msgspec.json.Decoder(tuple[Failure, ...])


class Redrive(msgspec.Struct, frozen=True):
    """What a redriven record says of its past."""

    redriven_from: Origin
    attempt: int
    """Which one this is; the first time was 1."""
    history: tuple[Failure, ...]


def letter_key(origin: Origin) -> str:
    """The key of a letter in its topic and collection: the same record gives the same, however often it is read."""
    return f"{origin.topic}/{origin.partition}/{origin.offset}"


def letter_id(key: str) -> str:
    """The id of a letter for people and URLs, such as posts.v1-3-1042."""
    return key.replace("/", "-")


def key_of_id(text: str) -> str | None:
    """The key of the letter with this id, None where it is no id."""
    # Names of topics may have dashes; numbers do not.
    found = _ID.fullmatch(text)
    return f"{found['topic']}/{found['partition']}/{found['offset']}" if found else None


def post_id_in(key: bytes | None) -> str | None:
    """The post_id that a record's key is or, of a chunk, begins with; None where there is none."""
    return id_in((key or b"").partition(b":")[0])


def is_superseded(post: Mapping[str, Any], offset: int) -> bool:
    """Whether a post's document says something newer than the record that stood first at this offset.

    A dead one says nothing. One that was redriven itself stands where it stood first: not every redrive is newer
    than what was redriven before it.
    """
    return post["state"] != "dead" and bool(post.get("redriven_from", post["offset"]) > offset)


def is_erased(letter: Mapping[str, Any], post: Mapping[str, Any]) -> bool:
    """Whether a letter goes, as its post's document is the marker of a delete that came after it.

    A post's own record is known by its place; a piece of a post is always one of what was deleted.
    """
    if post["state"] != "deleted":
        return False
    return letter["post_offset"] is None or is_superseded(post, letter["post_offset"])


def redrive_headers(
    headers: Headers, redriven_from: Origin, attempt: int, failures: Sequence[Failure]
) -> Headers:
    """The headers of a record on its way back.

    Args:
        headers: its own.
        redriven_from: where it stood the first time.
        attempt: which one this is going to be.
        failures: all so far, oldest first; the last ten go with it.
    """
    bounded = [
        msgspec.structs.replace(failure, reason=failure.reason[:_MOST_REASON])
        for failure in failures[-_MOST_FAILURES:]
    ]
    return [
        *((name, value) for name, value in headers if name not in _OURS),
        (REDRIVEN_FROM, msgspec.json.encode(redriven_from)),
        (ATTEMPT, str(attempt).encode()),
        (FAILURES, msgspec.json.encode(bounded)),
    ]


def redrive_of(headers: Sequence[tuple[str, bytes | None]] | None) -> Redrive | None:
    """What the headers of a record say of its past; None for one that comes the first time.

    Headers of these names that were not written by `redrive_headers` say nothing.
    """
    # Nearly every record has none, and thousands a second are asked.
    for name, _ in headers or ():
        if name == REDRIVEN_FROM:
            break
    else:
        return None
    found = {name: value or b"" for name, value in headers or () if name in _OURS}
    try:
        redriven_from = _origins.decode(found[REDRIVEN_FROM])
        attempt = int(found.get(ATTEMPT, b""))
        history = _failures.decode(found.get(FAILURES, b""))[-_MOST_FAILURES:]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    numbers = [attempt, *(failure.dead_at for failure in history)]
    for origin in (redriven_from, *(failure.origin for failure in history)):
        numbers += [origin.partition, origin.offset, origin.timestamp or 0]
    # The letter of a record that says larger ones could not be written, time and again.
    if any(abs(number) > _MOST_NUMBER for number in numbers):
        return None
    return Redrive(redriven_from, attempt, history)


def without_redrive(headers: Headers) -> Headers:
    """A record's own headers, without those that a redrive added."""
    return [(name, value) for name, value in headers if name not in _OURS]
