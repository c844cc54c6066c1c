"""Dead letters from `posts-dead-letter.v1`: kept where they can be looked at, until a null value takes them away.

The topic stays the record of truth. Its lanes have checkpoints, as those of the other agents: a letter that is
delivered twice, or to a worker that was frozen meanwhile, has no second effect.
"""

import bson
from bson.errors import InvalidDocument
from pymongo import DeleteOne, ReplaceOne

from postpulse import events
from postpulse.collections import Document
from postpulse.dead_letters import is_erased, key_of_id, letter_id, letter_key
from postpulse.events import DeadLetter, UndecodableError
from stream_processors.dead_letters.letters import DeadLetters, letter
from stream_processors.runtime.batches import Record, RecordBatch
from stream_processors.runtime.slices import Slices
from stream_processors.sink import letters
from stream_processors.sink.transaction import Changes, Sink

STAGE = "keep-letters"


class KeepLetters:
    """Processes batches of `posts-dead-letter.v1`.

    Args:
        lane: the topic's name without the prefix in force; with the partition it names the checkpoint.
        posts_topic: the name of posts.v1, with the prefix in force.
    """

    def __init__(self, sink: Sink, letters: DeadLetters, lane: str, posts_topic: str) -> None:
        self._sink = sink
        self._letters = letters
        self._lane = lane
        self._posts_topic = posts_topic

    async def process(self, batch: RecordBatch) -> None:
        """All effects of a batch, confirmed; may be called again after failing anywhere."""
        lane = f"{self._lane}/{batch.partition}"
        checkpoint = await self._sink.checkpoints.open(lane)
        # Offsets ascend: the last word on each letter counts; None takes it away.
        documents: dict[str, Document | None] = {}
        async with Slices() as slices:
            for record in batch:
                # One that is given up stays in the topic alone: a letter about a letter would fare no better.
                if record.offset >= checkpoint and batch.given_up is None:
                    await slices.pause()
                    key, document = self._read(record)
                    documents[key] = document
        if batch.next_offset > checkpoint:

            async def prepare(changes: Changes) -> None:
                changes.letter_writes = [
                    DeleteOne({"_id": key})
                    if document is None
                    else ReplaceOne({"_id": key}, document, upsert=True)
                    for key, document in documents.items()
                ]

            await self._sink.write(lane, checkpoint, batch.next_offset, prepare)
        if batch.given_up is None:
            await self._take_out_of_deleted(batch)

    def _read(self, record: Record) -> tuple[str, Document | None]:
        """The key of a letter and its document, None where it is to go."""
        try:
            key = (record.key or b"").decode()
            if record.value is None:
                return key, None
            read = events.decode(DeadLetter, record.value)
            if key != letter_key(read.origin) or key_of_id(letter_id(key)) != key:
                raise UndecodableError(f"its key is {key}, its origin {letter_key(read.origin)}")
            return key, self._document(read)
        except (UndecodableError, UnicodeDecodeError) as error:
            # Kept as a letter about itself, and not sent: it would come back here.
            about = letter(record, STAGE, error)
            return letter_key(about.origin), letters.kept(about, self._posts_topic)

    def _document(self, read: DeadLetter) -> Document:
        try:
            document = letters.kept(read, self._posts_topic)
            # Numbers of more than 64 bits would fail the transaction, each time anew.
            bson.encode(document)
        except (OverflowError, InvalidDocument) as error:
            raise UndecodableError(f"cannot be stored: {error}") from error
        return document

    async def _take_out_of_deleted(self, batch: RecordBatch) -> None:
        """A letter that came after its post was deleted goes the way of the others.

        Once the letters are stored: a delete that comes later finds them itself.
        """
        kept = await self._sink.letters([(record.key or b"").decode(errors="replace") for record in batch])
        owned = [document for document in kept if document["post_id"] is not None]
        if not owned:
            return
        posts = await self._sink.posts({document["post_id"] for document in owned})
        await self._letters.take_away(
            [
                document["_id"]
                for document in owned
                if (post := posts.get(document["post_id"])) is not None and is_erased(document, post)
            ]
        )
