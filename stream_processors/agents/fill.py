"""Copies that fill a new generation: all that `posts.v1` says, tombstones included, read as the ingest agent does.

Live posts go to the new generation meanwhile, so that what is there may be newer than what is read. Long posts are
analyzed whole, and nothing is told to other consumers: the results that they have stay.
"""

import sys
from collections import Counter

from stream_processors.agents import ingest
from stream_processors.agents.copies import as_it_stood, effect, observe, settled
from stream_processors.agents.documents import documents_of, is_last_word, put_where
from stream_processors.agents.last_words import last_words
from stream_processors.dead_letters.letters import DeadLetters
from stream_processors.runtime.batches import RecordBatch
from stream_processors.sink.transaction import Changes, Sink


class Fill:
    """Processes batches of copies for one generation. See `stream_processors.sink.transaction` for the order.

    Args:
        posts_topic: the name of posts.v1, with the prefix in force.
        lane: of posts-replay.v1, without its partition.
        stage: of letters.
    """

    def __init__(self, sink: Sink, letters: DeadLetters, posts_topic: str, lane: str, stage: str) -> None:
        self._sink = sink
        self._letters = letters
        self._posts_topic = posts_topic
        self._lane = lane
        self._stage = stage

    async def process(self, batch: RecordBatch, replay: str, generation: int) -> None:
        """All effects of a batch, all of whose copies are for one replay.

        Raises:
            GenerationGoneError: the generation was dropped; nothing is written.
        """
        lane = f"{self._lane}/{batch.partition}"
        checkpoint = await self._sink.checkpoints.open(lane)
        if batch.next_offset <= checkpoint:
            return
        fresh = [record for record in batch if record.offset >= checkpoint]
        stood = [found for record in fresh if (found := as_it_stood(record, self._posts_topic)) is not None]
        # What could not be read the first time has its letter: its document is what the ingest agent made of it.
        stage = self._stage if batch.given_up else ingest.STAGE
        words, unreadable = await last_words(stood, stage, batch.given_up)
        if batch.given_up:
            await self._letters.send(unreadable.letters)
        documents = await documents_of(words, sys.maxsize)
        counts = Counter[str]()

        async def prepare(changes: Changes) -> None:
            nonlocal counts
            existing = await changes.posts(documents.keys() | unreadable.documents.keys())
            written = await put_where(changes, existing, documents, is_last_word)
            for post_id, document in unreadable.documents.items():
                if post_id not in existing and post_id not in documents:
                    changes.put(None, document)
            failed = len(unreadable.letters)
            counts = settled(Counter(looked_at=len(fresh), changed=len(written), failed=failed))
            changes.replay_writes = [effect(replay, batch.partition, counts)]

        await self._sink.write(lane, checkpoint, batch.next_offset, prepare, only=generation)
        observe(counts)
