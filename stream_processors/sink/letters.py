"""The document of a dead letter."""

import msgspec

from postpulse.collections import Document
from postpulse.dead_letters import letter_key, post_id_in
from postpulse.events import DeadLetter
from stream_processors.sink.posts import to_datetime


def kept(letter: DeadLetter, posts_topic: str) -> Document:
    """A letter as it is looked at: its bytes as they are, and whose it is.

    Args:
        posts_topic: the name of posts.v1, with the prefix in force.

    Raises:
        OverflowError: a number in it is none that can be stored.
    """
    own = letter.origin.topic == posts_topic
    return {
        "_id": letter_key(letter.origin),
        "post_id": post_id_in(letter.key),
        "post_offset": _first_offset(letter) if own else None,
        "origin": msgspec.to_builtins(letter.origin),
        "redriven_from": msgspec.to_builtins(letter.redriven_from),
        "stage": letter.stage,
        "reason": letter.reason,
        "error_class": letter.error_class,
        "attempt": letter.attempt,
        "dead_at": to_datetime(letter.dead_at),
        "version": letter.version,
        "history": [
            msgspec.to_builtins(failure) | {"dead_at": to_datetime(failure.dead_at)}
            for failure in letter.history
        ],
        "key": letter.key,
        "value": letter.value,
        "value_bytes": len(letter.value or b""),
        "headers": [list(header) for header in letter.headers],
    }


def _first_offset(letter: DeadLetter) -> int:
    first = letter.redriven_from
    if first is not None and (first.topic, first.partition) == (letter.origin.topic, letter.origin.partition):
        return first.offset
    return letter.origin.offset
