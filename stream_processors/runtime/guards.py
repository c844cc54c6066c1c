"""Finds the record that ends the process: what no `except` sees, a SIGSEGV, too little memory, a time limit.

Each stage and partition has a guard in MongoDB, written when a worker takes the partition over and again when it
leaves it of its own accord. Nothing more is written while all goes well.

Whoever finds a guard of another worker that did not leave is careful for its first batches: it processes each
with nothing beside it, under a mark with its offsets. If the process dies then, the next one knows the batch and
does it record by record, each under a mark of its own. A record under whose own mark enough processes have died is
given up untried. Four deaths find a killer: one that nobody was prepared for, one in its batch, two of its own.

A worker that was killed for another reason, or frozen for long, only makes the next one careful for a moment.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

import structlog
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from postpulse.collections import Document
from stream_processors.runtime.batches import RecordBatch
from stream_processors.sink.checkpoints import CheckpointMovedError

log = structlog.get_logger(__name__)

#: Batches that are marked after a worker was killed: what it died of lies in what it had not committed.
WATCHED_BATCHES = 20
_LEAVE_SECONDS = 1.0


@dataclass(slots=True)
class Watch:
    """What there is to be careful about in one stage and partition.

    Attributes:
        batches: how many are still to be marked.
        suspects: offsets of records that are processed one by one, since a process died in their batch.
        kills: how many processes have died of the one suspect.
    """

    batches: int = 0
    suspects: range = range(0)
    kills: int = 0


def inherit(guard: Document | None, owner: str, offset: int) -> Watch:
    """What a worker has to be careful about that takes a partition over.

    Args:
        guard: as the former worker left it; None where there was none.
        owner: who takes over.
        offset: where it begins.
    """
    if guard is None:
        return Watch()
    died = not guard["left"] and guard["owner"] != owner
    watch = Watch(WATCHED_BATCHES if died else guard["watch"], range(*guard["suspect"]), guard["kills"])
    if died and guard["alone"] and len(watch.suspects) == 1:
        watch.kills += 1
    # Left in the middle of a batch, nothing is suspected, unless it was before.
    if watch.suspects.stop <= offset or not (died or watch.kills):
        watch.suspects, watch.kills = range(0), 0
    return watch


class Guards:
    """The guards of the partitions that this process works on.

    Args:
        collection: `postpulse.collections.GUARDS`.
        max_kills: processes that a record may end before it is given up.
    """

    def __init__(self, collection: AsyncCollection[Document], max_kills: int) -> None:
        self.max_kills = max_kills
        self._collection = collection
        self._owner = uuid.uuid4().hex
        self._watches: dict[tuple[str, int], Watch] = {}

    async def begin(self, stage: str, batch: RecordBatch) -> list[RecordBatch]:
        """About to work on a batch: the parts to do it in, in order, watched or not.

        Raises:
            PyMongoError, CheckpointMovedError: not known yet; ask again.
        """
        place = (stage, batch.partition)
        if batch.first:
            self._watches[place] = await self._take_over(stage, batch)
        watch = self._watches.get(place)
        if watch is None:
            return [batch]
        if watch.batches <= 0 and watch.suspects.stop <= batch.first_offset:
            if not batch.first:
                await self._write(stage, batch.partition, watch=0)
            del self._watches[place]
            return [batch]
        watch.batches -= 1
        return _parts(batch, watch.suspects)

    def kills(self, stage: str, part: RecordBatch) -> int:
        """How many processes have died of a part, processed alone."""
        watch = self._watches.get((stage, part.partition))
        known = watch is not None and watch.suspects == range(part.first_offset, part.next_offset)
        return watch.kills if watch is not None and known else 0

    @asynccontextmanager
    async def mark(self, stage: str, part: RecordBatch) -> AsyncIterator[None]:
        """Whoever finds the mark of this part knows that the process died within the block.

        Raises:
            PyMongoError, CheckpointMovedError: it could not be written, or not be taken away. Try again.
        """
        place = (stage, part.partition)
        watch = self._watches.get(place) or Watch()
        known = {"watch": max(watch.batches, 1), "kills": self.kills(stage, part)}
        under_way = [part.first_offset, part.next_offset]
        if not await self._write(stage, part.partition, suspect=under_way, alone=True, **known):
            # By one that was frozen, maybe: it must not keep us from our partition.
            self._watches[place] = await self._take_over(stage, part)
            raise CheckpointMovedError(f"{_key(*place)} was another worker's")
        try:
            yield
        except Exception:
            with suppress(PyMongoError):
                await self._write(stage, part.partition, alone=False)
            raise
        if part.next_offset > watch.suspects.start:
            # What stands behind it in the batch that a process died in is as suspect as before.
            watch.suspects = range(part.next_offset, max(part.next_offset, watch.suspects.stop))
            watch.kills = 0
        left = [watch.suspects.start, watch.suspects.stop]
        await self._write(stage, part.partition, suspect=left, alone=False, kills=watch.kills)

    async def leave(self) -> None:
        """This process leaves its partitions of its own accord; best effort, within a second."""
        self._watches.clear()
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._collection.update_many(
                    {"owner": self._owner, "left": False}, {"$set": {"left": True}}
                )
        except (PyMongoError, TimeoutError) as exc:
            log.warning("left without saying so: whoever is next will be careful", reason=repr(exc)[:200])

    async def _take_over(self, stage: str, batch: RecordBatch) -> Watch:
        key = _key(stage, batch.partition)
        guard = await self._collection.find_one({"_id": key})
        watch = inherit(guard, self._owner, batch.first_offset)
        written = {
            "owner": self._owner,
            "left": False,
            "watch": watch.batches,
            "suspect": [watch.suspects.start, watch.suspects.stop],
            "alone": False,
            "kills": watch.kills,
        }
        if guard is None:
            # Somebody else at the same moment: a duplicate, and the next attempt finds it.
            await self._collection.insert_one({"_id": key, **written})
            return watch
        result = await self._collection.replace_one({"_id": key, "owner": guard["owner"]}, written)
        if result.matched_count == 0:
            raise CheckpointMovedError(f"{key} was taken over by another worker")
        if watch.batches:
            log.warning(
                "a worker before this one did not leave: watching",
                stage=stage,
                batch=repr(batch),
                suspects=repr(watch.suspects),
                kills=watch.kills,
            )
        return watch

    async def _write(self, stage: str, partition: int, **fields: object) -> bool:
        """Whether the guard is still this worker's."""
        mine = {"_id": _key(stage, partition), "owner": self._owner}
        return (await self._collection.update_one(mine, {"$set": fields})).matched_count > 0


def _key(stage: str, partition: int) -> str:
    return f"{stage}/{partition}"


def _parts(batch: RecordBatch, suspects: range) -> list[RecordBatch]:
    """A watched batch in parts: each suspect for itself, what stands before and behind them whole."""
    batch.watched = True
    offsets = [record.offset for record in batch]
    start = sum(offset < suspects.start for offset in offsets)
    stop = sum(offset < suspects.stop for offset in offsets)
    if start >= stop:
        return [batch]
    cuts = [0, *range(start, stop), stop, len(offsets)]
    return [batch.part(low, high) for low, high in pairwise(cuts) if low < high]
