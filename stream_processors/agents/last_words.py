"""What records of `posts.v1` say, the last word on each post: a batch says many things, a document only one."""

from collections.abc import Iterable
from dataclasses import dataclass

from postpulse import events
from postpulse.collections import Document
from postpulse.events import DeadLetter, Place, Post, UndecodableError
from postpulse.post_ids import id_in
from stream_processors.agents.decoding import post_id_of, post_in, redriven_from
from stream_processors.dead_letters.letters import letter
from stream_processors.runtime.batches import Record
from stream_processors.runtime.slices import Slices
from stream_processors.sink import posts


@dataclass(frozen=True, slots=True)
class LastWord:
    """The last word on one post: its record, and the post unless it is a tombstone."""

    place: Place
    post: Post | None
    redriven_from: int | None
    """The offset at which a redriven record stood the first time."""
    deleted_at: int = 0
    """Of a tombstone: when it was accepted, in milliseconds since 1970."""

    @property
    def word_from(self) -> int:
        """The offset at which this was said: a redriven record says what it said the first time."""
        return self.place.offset if self.redriven_from is None else self.redriven_from

    def stands_before(self, later: "LastWord") -> bool:
        """Whether another record of the same post, further on in the log, changes nothing."""
        if later.word_from < self.word_from:
            return True
        return self.post is None and later.post is not None and later.post.received_at <= self.deleted_at


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Records that say nothing: their letters, and documents of their posts where keys can be read, by post_id."""

    letters: list[DeadLetter]
    documents: dict[str, Document]


async def last_words(
    records: Iterable[Record], stage: str, given_up: Exception | None
) -> tuple[dict[str, LastWord], Unreadable]:
    """The last word on each post, by post_id.

    Args:
        records: of posts.v1, of one partition, as they stand there; offsets ascend.
        stage: of letters.
        given_up: why none of them is to be read.
    """
    words: dict[str, LastWord] = {}
    unreadable = Unreadable([], {})
    async with Slices() as slices:
        for record in records:
            await slices.pause()
            place = Place(record.partition, record.offset)
            error = given_up
            if error is None:
                try:
                    post_id = post_id_of(record)
                    post = None if record.value is None else post_in(post_id, record.value)
                except UndecodableError as exc:
                    error = exc
            if error is not None:
                sent = letter(record, stage, error)
                unreadable.letters.append(sent)
                readable = id_in(record.key)
                if readable is not None:
                    unreadable.documents[readable] = posts.dead(readable, place, stage, sent.reason)
            else:
                word = LastWord(place, post, redriven_from(record), _deleted_at(record))
                # A later record of the same post takes the place of an earlier one, unless it is an older one that
                # was redriven, or was on its way when the post was deleted.
                if post_id not in words or not words[post_id].stands_before(word):
                    words[post_id] = word
    return words, unreadable


def _deleted_at(record: Record) -> int:
    if record.value is not None:
        return 0
    said = events.deleted_at(record.headers, record.timestamp)
    return said if said in posts.TIMES else 0
