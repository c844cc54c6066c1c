"""Make a generation, switch queries to it, let one go. Each change of the state is one atomic write.

Why a generation misses nothing: a transaction knows which generations are written, and writes to all of them or to
none. One that does not know of a new generation is over when `create_generation` returns, and its records were in
the log by then. So whoever fills the new generation asks for the log's ends after
`create_generation` has returned, and reads everything below them, tombstones included. In which order both come
does not matter: of two records of one post the later one stays.

Why nothing is left of one that goes: inside a transaction, a write to a collection that is gone would make it
anew. See `tell_lanes` for what keeps transactions that still know the generation from doing so.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from postpulse.collections import (
    CHECKPOINTS,
    GENERATED,
    GENERATIONS,
    REPLAYS,
    Document,
    apply_generation,
)
from postpulse.generations.counts import Difference, compare
from postpulse.generations.state import FIRST, STATE_ID, Generation, State, Status, read_state
from postpulse.replays import OPEN

log = structlog.get_logger(__name__)

#: From the last write to a generation to its end: queries that found it current a moment ago are answered by then.
_LAST_QUERIES_MILLISECONDS = 15_000
_DROPPED_NAME = re.compile(
    rf"(?:{'|'.join(collection.name for collection in GENERATED)})(?:\.g(?P<number>[1-9]\d*))?"
)


class UnknownGenerationError(Exception):
    """There is no generation of this number, or none any more."""


class GenerationRefusedError(Exception):
    """The change is not made; the message says why. `differences` are what the counts do not agree on."""

    def __init__(self, message: str, differences: Sequence[Difference] = ()) -> None:
        super().__init__(message)
        self.differences = tuple(differences)


async def ensure_first_generation(
    database: AsyncDatabase[Document], analysis_version: int | None = None
) -> None:
    """Write down the state of a database that has none yet: the first generation alone, made for this version."""
    first = {"number": FIRST, "status": Status.CURRENT, "analysis_version": analysis_version}
    update: list[Document] = [
        {"$set": {"newest": {"$ifNull": ["$newest", FIRST]}}},
        {"$set": {"generations": {"$ifNull": ["$generations", [{**first, "created_at": "$$NOW"}]]}}},
        {"$set": {"version": {"$ifNull": ["$version", 1]}}},
    ]
    try:
        await database[GENERATIONS.name].update_one({"_id": STATE_ID}, update, upsert=True)
    except DuplicateKeyError:
        # Another process wrote it at the same time.
        return


async def create_generation(
    database: AsyncDatabase[Document], analysis_version: int, replay: str, text_index: bool = False
) -> int:
    """Make an empty generation that live posts go to from now on; returns its number.

    The same replay gets the same generation: whoever died in the middle is carried on by the next one.

    Args:
        analysis_version: of the analysis that it is going to be built by.
        replay: the id of the one that is going to fill it.
        text_index: whether its posts have one.

    Raises:
        GenerationRefusedError: another one is being built, or this one was dropped at once.
        PyMongoError: there is no answer.
    """
    await ensure_first_generation(database)
    state = await read_state(database[GENERATIONS.name])
    begun = next((each for each in state.generations if each.replay == replay), None)
    number = begun.number if begun is not None else await _begin(database, analysis_version, replay)
    await apply_generation(database, number, text_index)
    if not await _set_status(database, number, Status.CREATING, Status.BUILDING):
        now = (await read_state(database[GENERATIONS.name])).find(number)
        if now is None or now.status != Status.BUILDING:
            raise GenerationRefusedError(f"Generation {number} was dropped while it was being made.")
    await tell_lanes(database)
    return number


async def tell_lanes(database: AsyncDatabase[Document]) -> None:
    """Have every transaction from now on know the state as it is; returns when those that did not are over.

    Each transaction begins with a write to its lane's checkpoint, which says of which version of the state it
    knows. So does this, from outside: it waits for the transactions that have written theirs, and those that have
    not, but see it as it was, conflict with it and begin anew.

    Raises:
        PyMongoError: there is no answer, or an open transaction did not end; to be done again later.
    """
    version = (await read_state(database[GENERATIONS.name])).version
    # Never back to an older one; and lanes that are new know of none.
    behind = {"generations": {"$not": {"$gte": version}}}
    await database[CHECKPOINTS.name].update_many(behind, {"$set": {"generations": version}})


async def _begin(database: AsyncDatabase[Document], analysis_version: int, replay: str) -> int:
    new = {
        "number": "$newest",
        "status": Status.CREATING,
        "analysis_version": {"$literal": analysis_version},
        "replay": {"$literal": replay},
        "created_at": "$$NOW",
    }
    found = await database[GENERATIONS.name].find_one_and_update(
        {"_id": STATE_ID, "generations.status": {"$nin": [Status.CREATING, Status.BUILDING]}},
        [
            # Numbers are never used again: what is left of an old one is never taken for a new one.
            {"$set": {"newest": {"$add": ["$newest", 1]}}},
            {"$set": {"generations": {"$concatArrays": ["$generations", [new]]}}},
        ],
        return_document=ReturnDocument.AFTER,
    )
    if found is None:
        raise GenerationRefusedError(
            "Another generation is being built; drop it first, or let it be finished."
        )
    number: int = found["newest"]
    return number


async def finish_generation(database: AsyncDatabase[Document], number: int) -> bool:
    """Say that a generation is filled, so that queries may be switched to it; False if it is not being built."""
    return await _set_status(database, number, Status.BUILDING, Status.READY)


async def switch_generation(
    database: AsyncDatabase[Document], number: int, grace_seconds: float, force: bool = False
) -> State:
    """Answer queries from this generation; the current one is kept for the grace time. Returns the new state.

    Args:
        force: switch also to one that is being built, or whose counts differ.

    Raises:
        UnknownGenerationError: there is none of this number.
        GenerationRefusedError: its status does not allow it, its counts differ, or the state changed meanwhile.
        PyMongoError: there is no answer.
    """
    state = await read_state(database[GENERATIONS.name])
    generation = known_generation(state, number)
    if generation.status == Status.CURRENT:
        return state
    if generation.status in (Status.CREATING, Status.DROPPING):
        raise GenerationRefusedError(
            f"Generation {number} is {generation.status}: it holds nothing to serve."
        )
    if not force:
        if generation.status == Status.BUILDING:
            raise GenerationRefusedError(f"Generation {number} is being built; only force switches to it.")
        differences = await compare(database, state.current, number)
        if differences:
            words = "; ".join(str(difference) for difference in differences)
            raise GenerationRefusedError(
                f"Generation {number} differs from the current one: {words}. Only force switches to it.",
                differences,
            )
    to_old = {"status": Status.KEPT, "drop_at": {"$add": ["$$NOW", round(grace_seconds * 1000)]}}
    to_new = {"status": Status.CURRENT, "switched_at": "$$NOW", "drop_at": None}
    result = await database[GENERATIONS.name].update_one(
        {
            "_id": STATE_ID,
            "$and": [
                {"generations": {"$elemMatch": {"number": state.current, "status": Status.CURRENT}}},
                {"generations": {"$elemMatch": {"number": number, "status": generation.status}}},
            ],
        },
        [
            _where({"$eq": ["$$this.status", Status.CURRENT]}, to_old),
            _where({"$eq": ["$$this.number", number]}, to_new),
            _CHANGED,
        ],
    )
    if result.matched_count == 0:
        raise GenerationRefusedError("The generations changed meanwhile; look again.")
    await tell_lanes(database)
    log.info("queries switched", generation=number, before=state.current, forced=force)
    return await read_state(database[GENERATIONS.name])


async def drop_generation(database: AsyncDatabase[Document], number: int) -> State:
    """Let a generation go: nothing is written to it any more, and a worker drops it in a moment.

    Raises:
        UnknownGenerationError: there is none of this number.
        GenerationRefusedError: it is the current one.
        PyMongoError: there is no answer.
    """
    state = await read_state(database[GENERATIONS.name])
    known_generation(state, number)
    droppable = {
        "$and": [
            {"$eq": ["$$this.number", number]},
            {"$not": [{"$in": ["$$this.status", [Status.CURRENT, Status.DROPPING]]}]},
        ]
    }
    await database[GENERATIONS.name].update_one({"_id": STATE_ID}, [_where(droppable, _TO_DROP), _CHANGED])
    state = await read_state(database[GENERATIONS.name])
    if state.current == number:
        raise GenerationRefusedError(
            f"Generation {number} is the current one; switch queries to another one first."
        )
    return state


async def drop_abandoned(database: AsyncDatabase[Document]) -> None:
    """Let go what is being built for a replay that is over: cancelled, or failed.

    Raises:
        PyMongoError: there is no answer.
    """
    for generation in (await read_state(database[GENERATIONS.name])).generations:
        if generation.status not in (Status.CREATING, Status.BUILDING):
            continue
        fills = {"_id": generation.replay, "state": {"$in": OPEN}}
        if await database[REPLAYS.name].find_one(fills, {"_id": 1}) is None:
            log.info("letting go of a generation that nobody fills", generation=generation.number)
            await drop_generation(database, generation.number)


async def drop_due(database: AsyncDatabase[Document]) -> list[int]:
    """Drop what is to go by now; returns the numbers of generations that are gone. Several may do so at once.

    A generation is dropped after every transaction that knew it as written has ended: see `tell_lanes`.

    Raises:
        PyMongoError: there is no answer, or an open transaction did not end; to be done again later.
    """
    generations = database[GENERATIONS.name]
    kept_too_long = {"$and": [{"$eq": ["$$this.status", Status.KEPT]}, {"$lte": ["$$this.drop_at", "$$NOW"]}]}
    await generations.update_one(
        {"_id": STATE_ID, "$expr": {"$anyElementTrue": [_each(kept_too_long)]}},
        [_where(kept_too_long, _TO_DROP), _CHANGED],
    )
    due = await generations.aggregate(
        [
            {"$match": {"_id": STATE_ID}},
            {"$unwind": "$generations"},
            {"$replaceWith": "$generations"},
            {"$match": {"status": Status.DROPPING, "$expr": {"$lte": ["$drop_at", "$$NOW"]}}},
        ]
    )
    numbers = [found["number"] async for found in due]
    # After the look, so that the state that lanes are told of has these as let go; and for lanes that are new.
    await tell_lanes(database)
    if numbers:
        for number in numbers:
            for collection in GENERATED:
                await database.drop_collection(collection.name_in(number))
        await generations.update_one(
            {"_id": STATE_ID},
            {"$pull": {"generations": {"number": {"$in": numbers}, "status": Status.DROPPING}}},
        )
    await _drop_remains(database)
    return numbers


async def _drop_remains(database: AsyncDatabase[Document]) -> None:
    """What a process that had begun before the drop made anew, such as an index of it: empty, and nobody's."""
    names = await database.list_collection_names(filter={"name": {"$regex": f"^{_DROPPED_NAME.pattern}$"}})
    # Read after the names: a new generation is in the state before its collections are made.
    state = await database[GENERATIONS.name].find_one({"_id": STATE_ID})
    if state is None:
        return
    known = {stored["number"] for stored in state["generations"]}
    for name in names:
        found = _DROPPED_NAME.fullmatch(name)
        number = int(found["number"] or FIRST) if found else FIRST
        # Higher numbers were never given by this state: whosever they are.
        if number <= state["newest"] and number not in known:
            log.info("dropping what is left of a generation", collection=name)
            await database.drop_collection(name)


_TO_DROP: Mapping[str, Any] = {
    "status": Status.DROPPING,
    "drop_at": {"$add": ["$$NOW", _LAST_QUERIES_MILLISECONDS]},
}


_CHANGED: Document = {"$set": {"version": {"$add": [{"$ifNull": ["$version", 0]}, 1]}}}


def _where(condition: Document, change: Mapping[str, Any]) -> Document:
    """The stage of an update that changes the generations for which a condition holds."""
    changed = {"$cond": [condition, {"$mergeObjects": ["$$this", dict(change)]}, "$$this"]}
    return {"$set": {"generations": _each(changed)}}


def _each(expression: Document) -> Document:
    return {"$map": {"input": "$generations", "as": "this", "in": expression}}


async def _set_status(database: AsyncDatabase[Document], number: int, before: Status, after: Status) -> bool:
    result = await database[GENERATIONS.name].update_one(
        {"_id": STATE_ID, "generations": {"$elemMatch": {"number": number, "status": before}}},
        {"$set": {"generations.$.status": after}, "$inc": {"version": 1}},
    )
    return result.matched_count == 1


def known_generation(state: State, number: int) -> Generation:
    """The one of this number.

    Raises:
        UnknownGenerationError: there is none.
    """
    generation = state.find(number)
    if generation is None:
        numbers = ", ".join(str(each.number) for each in state.generations)
        raise UnknownGenerationError(f"There is no generation {number}; there are {numbers}.")
    return generation
