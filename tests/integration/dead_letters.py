"""Dead letters as agents write them, for tests."""

import time
from typing import Any

from postpulse import events
from postpulse.dead_letters import letter_key
from postpulse.events import DeadLetter, Origin, Post
from postpulse.topics import DEAD_LETTERS, POSTS
from tests.pipeline import Document, Pipeline

#: When the first one died; older ones than the topic keeps would be taken out meanwhile.
DEAD_AT = time.time_ns() // 1_000_000 - 3_600_000


def letter_of(pipeline: Pipeline, post: Post, offset: int = 0, **fields: Any) -> DeadLetter:
    """Of a post whose record stood at posts.v1/0/offset."""
    return DeadLetter(
        **{
            "origin": Origin(pipeline.topic(POSTS), 0, offset, 1_767_323_045_000),
            "stage": "ingest",
            "reason": "it broke",
            "error_class": "ValueError",
            "attempt": 1,
            "dead_at": DEAD_AT + offset,
            "key": post.post_id.encode(),
            "value": events.encode(post),
            "headers": [("trace", b"\xff")],
            **fields,
        }
    )


def send_letters(pipeline: Pipeline, *letters: DeadLetter) -> list[str]:
    """Their keys."""
    keys = [letter_key(letter.origin) for letter in letters]
    for key, letter in zip(keys, letters, strict=True):
        pipeline.send_raw(DEAD_LETTERS, key.encode(), events.encode(letter))
    pipeline.flush()
    return keys


def letters_in(pipeline: Pipeline) -> dict[str, Document]:
    """Those that are kept, by key."""
    return {kept["_id"]: kept for kept in pipeline.database.dead_letters.find()}
