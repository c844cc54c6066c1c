"""Copies of posts from `posts-replay.v1`: analyzed again where that changes something, slower than live posts.

Those for a new generation go to `stream_processors.agents.fill`. In place, a document gets the place of the post's
own record, so that the log's order decides as it does for live posts. Long posts are analyzed whole: the result is
the same, the former one is served until then, and no live chunk waits.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from postpulse.collections import Document
from postpulse.counting.dimensions import COUNTERS_VERSION
from postpulse.events import DeadLetter, Place, UndecodableError
from postpulse.kafka.publisher import Publisher
from postpulse.replays import replay_of, replayed_from
from stream_processors import analysis
from stream_processors.agents.announcing import announce
from stream_processors.agents.copies import as_it_stood, effect, observe, settled
from stream_processors.agents.decoding import post_id_of, post_in, redriven_from
from stream_processors.agents.documents import documents_of, is_later_word, put_where, received
from stream_processors.agents.fill import Fill
from stream_processors.agents.last_words import LastWord
from stream_processors.dead_letters.letters import DeadLetters, letter
from stream_processors.replay.pace import Pace
from stream_processors.replay.store import Replays, Wanted
from stream_processors.runtime.batches import Record, RecordBatch
from stream_processors.runtime.slices import Slices
from stream_processors.sink.transaction import Changes, GenerationGoneError, Sink

STAGE = "replay"


@dataclass(frozen=True, slots=True)
class _Copy:
    replay: str
    offset: int
    """Of the copy."""
    post_id: str
    word: LastWord
    """Of the post's own record, where that stands."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of topics, with the prefix in force."""

    posts: str
    analyses: str


class Replay:
    """Processes batches of `posts-replay.v1`. See `stream_processors.sink.transaction` for the order of effects.

    Args:
        lane: the topic's name without the prefix in force; with the partition it names checkpoint and counters.
        pace: of this worker.
    """

    def __init__(
        self,
        sink: Sink,
        to: Publisher,
        letters: DeadLetters,
        replays: Replays,
        topics: Topics,
        lane: str,
        pace: Pace,
    ) -> None:
        self._sink = sink
        self._publisher = to
        self._letters = letters
        self._replays = replays
        self._topics = topics
        self._lane = lane
        self._pace = pace
        self._fill = Fill(sink, letters, topics.posts, lane, STAGE)

    async def process(self, batch: RecordBatch) -> None:
        """All effects of a batch, confirmed; may be called again after failing anywhere."""
        await self._pace.give_way()
        began = time.monotonic()
        wanted = await self._replays.wanted({replay_of(record.headers) or "" for record in batch})
        over = {replay for replay, of in wanted.items() if of.over}
        for part, into in _parts(batch, wanted):
            if into is None:
                await self._correct(part, over)
                continue
            replay, generation = into
            try:
                await self._fill.process(part, replay, generation)
            except GenerationGoneError as gone:
                await self._replays.fail(replay, str(gone))
                await self._correct(part, {replay})
        # One that is watched has nothing beside it: nobody gains by a pause.
        if not batch.watched:
            await self._pace.rest(time.monotonic() - began)

    async def _correct(self, batch: RecordBatch, over: set[str]) -> None:
        lane = f"{self._lane}/{batch.partition}"
        checkpoint = await self._sink.checkpoints.open(lane)
        copies, letters, effects = await self._read(batch, checkpoint, over)
        await self._letters.send(letters)
        told: dict[str, Document] = {}
        if batch.next_offset > checkpoint:
            fresh = {post_id: copy for post_id, copy in copies.items() if copy.offset >= checkpoint}
            documents = await self._documents(fresh)
            counts: dict[str, Counter[str]] = {}

            async def prepare(changes: Changes) -> None:
                nonlocal told, counts
                told = await put_where(changes, await changes.posts(documents), documents, _corrects)
                counts = _counted(effects, fresh, told)
                changes.replay_writes = [effect(replay, batch.partition, of) for replay, of in counts.items()]

            await self._sink.write(lane, checkpoint, batch.next_offset, prepare)
            for of in counts.values():
                observe(of)
        # Of those that had their effects before, nobody knows any more which had any.
        again = {post_id: copy for post_id, copy in copies.items() if copy.offset < checkpoint}
        if again:
            told |= {
                post_id: document
                for post_id, document in (await self._sink.posts(again)).items()
                if document["offset"] == again[post_id].word.place.offset
            }
        await announce(told, self._sink, self._publisher, self._topics.analyses)

    async def _read(
        self, batch: RecordBatch, checkpoint: int, over: set[str]
    ) -> tuple[dict[str, _Copy], list[DeadLetter], dict[str, Counter[str]]]:
        """The copies to look at, one a post; letters; and what can be counted by now, by replay."""
        copies: dict[str, _Copy] = {}
        letters: list[DeadLetter] = []
        effects: dict[str, Counter[str]] = {}
        async with Slices() as slices:
            for record in batch:
                await slices.pause()
                replay = replay_of(record.headers)
                if replay in over:
                    continue
                counts = effects.setdefault(replay, Counter()) if replay is not None else Counter[str]()
                fresh = record.offset >= checkpoint
                counts["looked_at"] += fresh
                try:
                    if batch.given_up is not None:
                        raise batch.given_up
                    copy = self._copy(record)
                except Exception as error:
                    if batch.given_up is None and not isinstance(error, UndecodableError):
                        raise
                    letters.append(letter(as_it_stood(record, self._topics.posts) or record, STAGE, error))
                    counts["failed"] += fresh
                else:
                    before = copies.get(copy.post_id)
                    if before is None or before.word.place.offset < copy.word.place.offset:
                        copies[copy.post_id] = copy
        return copies, letters, effects

    def _copy(self, record: Record) -> _Copy:
        replay, stood = replay_of(record.headers), as_it_stood(record, self._topics.posts)
        if replay is None or stood is None:
            raise UndecodableError("its headers do not say which replay it is for, and where its post stands")
        if stood.value is None:
            raise UndecodableError("a copy's record has no value")
        post_id = post_id_of(stood)
        post = post_in(post_id, stood.value)
        word = LastWord(Place(stood.partition, stood.offset), post, redriven_from(stood))
        return _Copy(replay, record.offset, post_id, word)

    async def _documents(self, copies: Mapping[str, _Copy]) -> dict[str, Document]:
        """The new documents of those posts that would change by them as they stand now."""
        standing = await self._sink.posts(copies)
        words = {
            post_id: copy.word
            for post_id, copy in copies.items()
            if (before := standing.get(post_id)) is None or _corrects(received(copy.word), before)
        }
        return await documents_of(words, sys.maxsize)


def _corrects(received: Document, before: Document) -> bool:
    """Whether a copy says something that its post's document does not."""
    if before["offset"] != received["offset"]:
        return is_later_word(received, before)
    if before["state"] == "deleted":
        return False
    if before["state"] != "analyzed":
        return True
    # Never back to an older version, while workers of both are there.
    analyzed_by, counted_by = before["analysis_version"], before.get("counters_version", 1)
    return bool(
        analyzed_by <= analysis.ANALYSIS_VERSION
        and counted_by <= COUNTERS_VERSION
        and (analyzed_by, counted_by) != (analysis.ANALYSIS_VERSION, COUNTERS_VERSION)
    )


def _counted(
    effects: Mapping[str, Counter[str]], copies: Mapping[str, _Copy], written: Mapping[str, Document]
) -> dict[str, Counter[str]]:
    counts = {replay: Counter(of) for replay, of in effects.items() if of["looked_at"]}
    for post_id in written:
        counts[copies[post_id].replay]["changed"] += 1
    return {replay: settled(of) for replay, of in counts.items()}


_Into = tuple[str, int] | None
"""The replay that fills a generation, and its number."""


def _parts(batch: RecordBatch, wanted: Mapping[str, Wanted]) -> Iterator[tuple[RecordBatch, _Into]]:
    """A batch in consecutive parts: copies for one generation, and all others."""
    start = 0
    for into, records in groupby(_fills(record, wanted) for record in batch):
        stop = start + len(list(records))
        yield (batch if stop - start == len(batch) else batch.part(start, stop)), into
        start = stop


def _fills(record: Record, wanted: Mapping[str, Wanted]) -> _Into:
    replay = replay_of(record.headers) or ""
    of = wanted.get(replay)
    if of is None or of.over or of.generation is None or replayed_from(record.headers) is None:
        return None
    return replay, of.generation
