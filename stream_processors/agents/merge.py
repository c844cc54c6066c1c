"""Partial results from `post-chunk-analyses.v1`: kept until a post has all of them, then merged."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import bson
import msgspec
import structlog
from bson.errors import BSONError
from pymongo import DeleteMany, UpdateOne

from postpulse import events
from postpulse.collections import Document
from postpulse.events import ChunkAnalysis, DeadLetter, UndecodableError
from postpulse.kafka.publisher import Publisher
from stream_processors import analysis, fault_points
from stream_processors.agents import analyze
from stream_processors.agents.announcing import announce
from stream_processors.agents.ingest import observe_age
from stream_processors.agents.pieces import check_piece
from stream_processors.dead_letters.letters import DeadLetters, letter
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.slices import Slices
from stream_processors.sink import posts
from stream_processors.sink.transaction import Changes, Sink

log = structlog.get_logger(__name__)

STAGE = "merge"

_Partials = dict[str, list[ChunkAnalysis]]
#: What finishing an analysis sets in a post's document.
_FINISHED = (
    "state",
    "analysis",
    "analysis_version",
    "counters_version",
    "analysis_us",
    "analyzed_at",
    "approximate",
)


class Merge:
    """Processes batches of `post-chunk-analyses.v1`. See `stream_processors.sink.transaction` for the order."""

    def __init__(self, sink: Sink, to: Publisher, letters: DeadLetters, destination: str, lane: str) -> None:
        self._sink = sink
        self._publisher = to
        self._letters = letters
        self._destination = destination
        self._lane = lane

    async def process(self, batch: RecordBatch) -> None:
        """All effects of a batch, confirmed; may be called again after failing anywhere."""
        lane = f"{self._lane}/{batch.partition}"
        checkpoint = await self._sink.checkpoints.open(lane)
        partials, dead = _decode(batch)
        await self._letters.send(dead)
        fault_points.reached("letters sent", self._lane)
        if batch.next_offset > checkpoint:

            async def prepare(changes: Changes) -> None:
                await _prepare(changes, partials, STAGE if batch.given_up else analyze.STAGE)

            await self._sink.write(lane, checkpoint, batch.next_offset, prepare)
        if batch.given_up is None:
            await self._announce(partials)
            fault_points.reached("published", self._lane)

    async def _announce(self, partials: _Partials) -> None:
        documents = await self._sink.posts(partials)
        finished = {
            post_id: document
            for post_id, document in documents.items()
            if document["state"] == "analyzed"
            and any(_is_of(partial, document) for partial in partials[post_id])
        }
        await announce(finished, self._sink, self._publisher, self._destination)
        observe_age(finished.values())


def _decode(batch: RecordBatch) -> tuple[_Partials, list[DeadLetter]]:
    partials: _Partials = defaultdict(list)
    dead: list[DeadLetter] = []
    for record in batch:
        try:
            if record.value is None:
                raise UndecodableError("a partial result's record has no value")
            partial = events.decode(ChunkAnalysis, record.value)
            check_piece(partial)
            _check_storable(partial.partial)
        except UndecodableError as error:
            dead.append(letter(record, STAGE, batch.given_up or error))
        else:
            if batch.given_up is not None:
                dead.append(letter(record, STAGE, batch.given_up))
                partial = msgspec.structs.replace(partial, failed=dead[-1].reason)
            partials[partial.post_id].append(partial)
    return partials, dead


def _is_of(partial: ChunkAnalysis, document: Document) -> bool:
    """Whether a partial result is of the post as its document has it, not of an older one or a deleted one."""
    return (document["partition"], document["offset"]) == (partial.place.partition, partial.place.offset)


def _belongs(partial: ChunkAnalysis, document: Document) -> bool:
    """Whether, besides, the document waits for it: a post that a replay has looked at was analyzed in one piece."""
    return _is_of(partial, document) and document.get("chunks") == partial.count


async def _prepare(changes: Changes, partials: _Partials, failed_stage: str) -> None:
    documents = await changes.posts(partials)
    # Also of a post of which a chunk was given up: that one may be redriven.
    belonging = {
        post_id: [partial for partial in arrived if _belongs(partial, document)]
        for post_id, arrived in partials.items()
        if (document := documents.get(post_id)) is not None and document["state"] in ("analyzing", "dead")
    }
    awaited = {
        post_id: {partial.index: _kept(partial) for partial in arrived if partial.failed is None}
        for post_id, arrived in belonging.items()
        if arrived
    }
    kept_before: dict[str, set[int]] = defaultdict(set)
    for kept in await changes.chunk_results(list(awaited), {"post_id": 1, "offset": 1, "index": 1}):
        if kept["offset"] == documents[kept["post_id"]]["offset"]:
            kept_before[kept["post_id"]].add(kept["index"])
    for post_id, arrived in awaited.items():
        document = documents[post_id]
        if len(kept_before[post_id] | arrived.keys()) < document["chunks"]:
            changes.result_writes.extend(_keep(arrived.values()))
            reasons = [partial.failed for partial in belonging[post_id] if partial.failed is not None]
            if reasons and document["state"] == "analyzing":
                dead = {"state": "dead", "stage": failed_stage, "reason": reasons[0]}
                changes.finish(document, document | dead, list(dead))
        else:
            earlier = await changes.chunk_results([post_id]) if kept_before[post_id] else []
            every = {kept["index"]: kept for kept in earlier if kept["offset"] == document["offset"]}
            every |= arrived
            metrics = await _merge(changes, document, list(every.values()))
            took_us = sum(kept.get("took_us", 0) for kept in every.values())
            exact = all(kept["exact"] for kept in every.values())
            alive = {name: value for name, value in document.items() if name not in ("stage", "reason")}
            changes.finish(document, posts.analyzed(alive, metrics, took_us, exact), _FINISHED)
            changes.result_writes.append(DeleteMany({"post_id": post_id}))


async def _merge(changes: Changes, document: Document, results: list[Document]) -> dict[str, Any]:
    if all(kept["analysis_version"] == analysis.ANALYSIS_VERSION for kept in results):
        partials = [kept["partial"] for kept in results]
        try:
            async with Slices() as slices:
                return await slices.apart(_finished, partials)
        except Exception as error:
            # One of them is none, whoever sent it; the one that completes the post is not to blame.
            log.warning("partial results do not merge", post_id=document["_id"], reason=repr(error)[:500])
    # Workers of different versions shared the chunks: their partial results do not add up.
    content = await changes.content(document["_id"])
    async with Slices() as slices:
        return await slices.apart(analysis.analyze, content)


def _finished(partials: list[analysis.Partial]) -> dict[str, Any]:
    metrics = analysis.finish(analysis.merge(partials))
    _check_storable(metrics)
    return metrics


def _check_storable(values: dict[str, Any]) -> None:
    # Numbers of more than 64 bits, say, would fail the transaction, for all other records too.
    try:
        bson.encode(values)
    except (BSONError, OverflowError, RecursionError) as error:
        raise UndecodableError(f"cannot be stored: {error}") from error


def _kept(partial: ChunkAnalysis) -> Document:
    return {
        "_id": f"{partial.post_id}/{partial.place.offset}/{partial.index}",
        "post_id": partial.post_id,
        "offset": partial.place.offset,
        "index": partial.index,
        "count": partial.count,
        "analysis_version": partial.analysis_version,
        "took_us": partial.took_us,
        "exact": partial.exact,
        "partial": partial.partial,
    }


def _keep(results: Iterable[Document]) -> list[UpdateOne]:
    return [UpdateOne({"_id": kept["_id"]}, {"$setOnInsert": kept}, upsert=True) for kept in results]
