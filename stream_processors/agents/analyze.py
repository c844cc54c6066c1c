"""Chunks from `post-chunks.v1`: each analyzed on whichever partition it fell. Computes, keeps nothing."""

import time

from postpulse import events
from postpulse.events import Chunk, ChunkAnalysis, DeadLetter, UndecodableError
from postpulse.kafka import publisher
from postpulse.kafka.publisher import Publisher
from postpulse.topics import POST_CHUNKS
from stream_processors import analysis, fault_points
from stream_processors.agents.pieces import check_piece
from stream_processors.dead_letters.letters import DeadLetters, letter
from stream_processors.runtime.batches import Record, RecordBatch
from stream_processors.runtime.slices import Slices

STAGE = "analyze"


class Analyze:
    """Processes batches of `post-chunks.v1`; an effect that comes twice is one to the merge."""

    def __init__(self, to: Publisher, letters: DeadLetters, destination: str) -> None:
        self._publisher = to
        self._letters = letters
        self._destination = destination

    async def process(self, batch: RecordBatch) -> None:
        """All effects of a batch, confirmed; may be called again after failing anywhere."""
        results: list[publisher.Record] = []
        dead: list[DeadLetter] = []
        async with Slices() as slices:
            for record in batch:
                await slices.pause()
                try:
                    chunk = _chunk(record)
                except UndecodableError as error:
                    dead.append(letter(record, STAGE, batch.given_up or error))
                else:
                    if batch.given_up is None:
                        results.append(await slices.apart(self._result, chunk))
                    else:
                        dead.append(letter(record, STAGE, batch.given_up))
                        results.append(self._failure(chunk, dead[-1].reason))
        await self._letters.send(dead)
        fault_points.reached("letters sent", POST_CHUNKS.name)
        await self._publisher.publish(results)
        fault_points.reached("published", POST_CHUNKS.name)

    def _result(self, chunk: Chunk) -> publisher.Record:
        began = time.perf_counter_ns()
        partial = analysis.analyze_chunk(chunk.text, chunk.start)
        result = ChunkAnalysis(
            post_id=chunk.post_id,
            place=chunk.place,
            index=chunk.index,
            count=chunk.count,
            analysis_version=analysis.ANALYSIS_VERSION,
            partial=partial,
            took_us=(time.perf_counter_ns() - began) // 1000,
            exact=chunk.exact,
        )
        return self._record(result)

    def _failure(self, chunk: Chunk, reason: str) -> publisher.Record:
        """What tells the merge that there will be no partial result: its post would wait for it for ever."""
        return self._record(
            ChunkAnalysis(
                post_id=chunk.post_id,
                place=chunk.place,
                index=chunk.index,
                count=chunk.count,
                analysis_version=analysis.ANALYSIS_VERSION,
                partial={},
                failed=reason,
            )
        )

    def _record(self, result: ChunkAnalysis) -> publisher.Record:
        return publisher.Record(
            self._destination,
            result.post_id.encode(),
            events.encode(result),
            events.headers(ChunkAnalysis),
        )


def _chunk(record: Record) -> Chunk:
    if record.value is None:
        raise UndecodableError("a chunk's record has no value")
    chunk = events.decode(Chunk, record.value)
    check_piece(chunk)
    return chunk
