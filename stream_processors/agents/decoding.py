"""A post in a record, of `posts.v1` or a copy of one: read, or refused with a reason."""

from postpulse import events
from postpulse.dead_letters import redrive_of
from postpulse.events import Post, UndecodableError
from postpulse.post_ids import id_in
from stream_processors.runtime.batches import Record
from stream_processors.sink import posts


def post_id_of(record: Record) -> str:
    """The post_id that a record's key is.

    Raises:
        UndecodableError: it is none.
    """
    post_id = id_in(record.key)
    if post_id is None:
        raise UndecodableError("the record's key is not a post_id")
    return post_id


def post_in(post_id: str, value: bytes) -> Post:
    """The post in a record's value.

    Raises:
        UndecodableError: it is none, another one's, or of a time that cannot be stored.
    """
    post = events.decode(Post, value)
    if post.post_id != post_id:
        raise UndecodableError(f"the record's key is {post_id}, its post_id {post.post_id}")
    for name in ("created_at", "received_at"):
        if getattr(post, name) not in posts.TIMES:
            raise UndecodableError(f"{name} is {getattr(post, name)}: no time between the years 1 and 9999")
    return post


def redriven_from(record: Record) -> int | None:
    """The offset at which a redriven record of posts.v1 stood the first time; None for any other record."""
    redrive = redrive_of(record.headers)
    if redrive is None:
        return None
    first = redrive.redriven_from
    # Only offsets of one partition can be compared, and only an earlier one can have been redriven.
    there = (first.topic, first.partition) == (record.topic, record.partition)
    return first.offset if there and 0 <= first.offset < record.offset else None
