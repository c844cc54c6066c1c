"""Posts from `posts.v1`: short ones analyzed where they are read, long ones split, deleted ones taken out."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from postpulse import events
from postpulse.collections import Document
from postpulse.dead_letters import is_erased, is_superseded
from postpulse.events import Chunk, UndecodableError
from postpulse.kafka import publisher
from postpulse.kafka.publisher import Publisher
from postpulse.post_ids import id_in
from postpulse.telemetry.metrics import POST_AGE_SECONDS
from stream_processors import analysis, fault_points
from stream_processors.agents.announcing import record_of
from stream_processors.agents.decoding import post_in, redriven_from
from stream_processors.agents.documents import documents_of, is_later_word, put_where
from stream_processors.agents.last_words import LastWord, last_words
from stream_processors.dead_letters.letters import DeadLetters
from stream_processors.runtime.batches import Record, RecordBatch
from stream_processors.runtime.slices import Slices
from stream_processors.sink import posts
from stream_processors.sink.transaction import Changes, Sink

STAGE = "ingest"


@dataclass(frozen=True, slots=True)
class Destinations:
    """Names of the topics that results go to."""

    analyses: str
    chunks: str


class Ingest:
    """Processes batches of `posts.v1`. See `stream_processors.sink.transaction` for the order of effects.

    Args:
        lane: the topic's name without the prefix in force; with the partition it names checkpoint and counters.
        chunk_chars: posts longer than this are split.
    """

    def __init__(
        self,
        sink: Sink,
        to: Publisher,
        letters: DeadLetters,
        destinations: Destinations,
        lane: str,
        chunk_chars: int,
    ) -> None:
        self._sink = sink
        self._publisher = to
        self._letters = letters
        self._destinations = destinations
        self._lane = lane
        self._chunk_chars = chunk_chars

    async def process(self, batch: RecordBatch) -> None:
        """All effects of a batch, confirmed; may be called again after failing anywhere."""
        lane = f"{self._lane}/{batch.partition}"
        checkpoint = await self._sink.checkpoints.open(lane)
        words, dead = await last_words(batch, STAGE, batch.given_up)
        await self._letters.send(dead.letters)
        fault_points.reached("letters sent", self._lane)
        current: dict[str, Document] = {}
        if batch.next_offset > checkpoint or batch.given_up is not None:
            fresh = {post_id: item for post_id, item in words.items() if item.place.offset >= checkpoint}
            documents = await documents_of(fresh, self._chunk_chars)

            async def prepare(changes: Changes) -> None:
                nonlocal current
                current = await _prepare(changes, documents, dead.documents)

            await self._sink.write(lane, checkpoint, max(checkpoint, batch.next_offset), prepare)
            observe_age(documents.values())
        if batch.given_up is None:
            await self._announce(words, current)
            fault_points.reached("published", self._lane)
            await self._take_out(batch, current)
            fault_points.reached("taken out", self._lane)

    async def _announce(self, words: dict[str, LastWord], current: dict[str, Document]) -> None:
        """Tell what the documents say now: after a crash this is all that is left to do for a batch."""
        effected = words.keys() - current.keys()
        if effected:
            current |= await self._sink.posts(effected)
        records: list[publisher.Record] = []
        async with Slices() as slices:
            for post_id, document in current.items():
                await slices.pause()
                if document["state"] == "analyzing":
                    item = words.get(post_id)
                    records.extend(await slices.apart(self._chunk_records, document, item))
                elif (record := record_of(self._destinations.analyses, document)) is not None:
                    records.append(record)
        await self._publisher.publish(records)

    async def _take_out(self, batch: RecordBatch, current: dict[str, Document]) -> None:
        """What is left elsewhere of posts that are deleted: their dead letters, and a redrive that came too late.

        A letter of theirs that is still under way is found by the agent that keeps letters: the marker of the
        delete is there before we look for letters, and a letter before that agent looks for markers.
        """
        deleted = {post_id: d for post_id, d in current.items() if d["state"] == "deleted"}
        if not deleted:
            return
        letters = await self._sink.letters_of(deleted)
        gone = [kept["_id"] for kept in letters if is_erased(kept, deleted[kept["post_id"]])]
        await self._letters.take_away(gone)
        # In the log these are the last word, and would be kept for good.
        late = {record.key: marker for record in batch if (marker := _late_for(record, deleted)) is not None}
        await self._publisher.publish(
            [publisher.Record(batch.topic, key, None, posts.tombstone_headers(d)) for key, d in late.items()]
        )

    def _chunk_records(self, document: Document, item: LastWord | None) -> list[publisher.Record]:
        if item is None or item.post is None or item.place.offset != document["offset"]:
            # The document is of a later record, which sends its own chunks.
            return []
        post_id = item.post.post_id
        pieces = analysis.split(item.post.content, self._chunk_chars)
        records = []
        for index, piece in enumerate(pieces):
            chunk = Chunk(
                post_id=post_id,
                place=item.place,
                index=index,
                count=len(pieces),
                text=piece.text,
                start=piece.start,
                exact=piece.exact,
            )
            key = f"{post_id}:{index}".encode()
            records.append(
                publisher.Record(self._destinations.chunks, key, events.encode(chunk), events.headers(Chunk))
            )
        return records


def _late_for(record: Record, deleted: Mapping[str, Document]) -> Document | None:
    """The marker of the delete that a record comes too late for, redriven or out of a spool."""
    marker = deleted.get(id_in(record.key) or "")
    if marker is None or record.value is None or record.offset <= marker["offset"]:
        return None
    first = redriven_from(record)
    if first is not None and is_superseded(marker, first):
        return marker
    try:
        post = post_in(marker["_id"], record.value)
    except UndecodableError:
        return None
    return marker if posts.comes_too_late(posts.to_datetime(post.received_at), marker) else None


async def _prepare(
    changes: Changes, documents: dict[str, Document], dead: dict[str, Document]
) -> dict[str, Document]:
    """Decide what is written; returns the documents of all these posts as they are afterwards."""
    existing = await changes.posts(documents.keys() | dead.keys())
    current = existing | await put_where(changes, existing, documents, is_later_word)
    for post_id, document in dead.items():
        before = existing.get(post_id)
        # A record that cannot be read takes nothing away from a post that could be.
        if before is None and post_id not in documents:
            changes.put(None, document)
        elif before is not None and before["state"] == "analyzing" and _same_place(before, document):
            # It was written, and then its chunks could not be sent.
            changes.put(before, document)
    return current


def _same_place(one: Document, other: Document) -> bool:
    return (one["partition"], one["offset"]) == (other["partition"], other["offset"])


def observe_age(documents: Iterable[Document]) -> None:
    now = time.time()
    for document in documents:
        if document["state"] == "analyzed":
            POST_AGE_SECONDS.observe(max(0.0, now - document["received_at"].timestamp()))
