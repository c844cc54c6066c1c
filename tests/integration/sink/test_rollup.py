"""Old counters are folded, and whatever they are asked for in a window stays what it was."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import COUNTER_DELTAS, COUNTERS, Document
from postpulse.counting.dimensions import AUTHORS, BY_NAME
from postpulse.counting.rows import counter_rows
from postpulse.mongo.lease import Lease
from postpulse.settings import CountersSettings
from stream_processors.sink import rollup
from stream_processors.sink.rollup import fold_all, fold_deltas
from stream_processors.sink.transaction import Sink
from tests.integration.sink.conftest import Worker
from tests.integration.sink.effects import document, put
from tests.waiting import until

Database = AsyncDatabase[Document]
_NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
_KEPT = CountersSettings(minute_days=2, hour_days=10)


async def _fold(database: Database, settings: CountersSettings = _KEPT, now: datetime = _NOW) -> int:
    return await fold_all(database, settings, Lease(database, "counters", "me"), now)


async def _fill(database: Database, days: int = 30) -> None:
    chance = random.Random(7)
    documents: dict[str, Document] = {}
    for _ in range(1_000):
        dimension, granularity, value = chance.choice(
            [
                ("volume", "minute", ""),
                ("language", "minute", "en"),
                ("hashtag", "hour", "cats"),
                ("authors", "hour", ""),
            ]
        )
        bucket = _NOW.replace(minute=0) - timedelta(hours=chance.randrange(days * 24))
        if granularity == "minute":
            bucket += timedelta(minutes=chance.choice([0, 7, 59]))
        lane = f"posts.v1/{chance.randrange(3)}"
        key = f"{lane}|{dimension}|{bucket}|{value}"
        amounts: Document = {"posts": chance.randrange(-3, 9), "words": chance.randrange(50)}
        if dimension == "authors":
            amounts = {"registers": {str(chance.randrange(40)): chance.randrange(1, 9)}}
        documents[key] = {
            "_id": key,
            "dimension": dimension,
            "granularity": granularity,
            "bucket": bucket,
            "value": value,
            "lane": lane,
        } | amounts
    await database[COUNTERS.name].insert_many(documents.values())


async def _by_day(database: Database, values: bool = True) -> Counter[tuple[str, ...]]:
    """What is counted: (day, dimension, value, amount) -> sum; and the highest rank of each register."""
    sums: Counter[tuple[str, ...]] = Counter()
    async for counter in database[COUNTERS.name].find():
        day = f"{counter['bucket']:%Y-%m-%d}"
        where = (day, counter["dimension"], counter["value"]) if values else (counter["dimension"],)
        for name in ("posts", "words"):
            sums[*where, name] += counter.get(name, 0)
        if values:
            for register, rank in counter.get("registers", {}).items():
                sums[*where, register] = max(rank, sums[*where, register])
    return Counter({key: amount for key, amount in sums.items() if amount})


async def _oldest(database: Database) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    async for counter in database[COUNTERS.name].find().sort("bucket", -1):
        found[counter["granularity"]] = counter["bucket"]
    return found


async def test_windows_of_days_hold_what_they_held(database: Database) -> None:
    await _fill(database)
    before = await _by_day(database)
    assert await _fold(database) > 800
    assert await _by_day(database) == before
    today = _NOW.replace(hour=0, minute=0)
    oldest = await _oldest(database)
    assert today - timedelta(days=2) <= oldest["minute"] < today - timedelta(days=1)
    assert today - timedelta(days=10) <= oldest["hour"] < today - timedelta(days=9)
    assert oldest["day"] < today - timedelta(days=25)
    lanes = await database[COUNTERS.name].distinct("lane", {"granularity": "day"})
    assert lanes == ["rollup/day"]
    # Nothing is left to fold, and nothing changes.
    assert await _fold(database) == 0
    assert await _by_day(database) == before


async def test_hours_hold_what_their_minutes_held(database: Database) -> None:
    await _fill(database, days=5)

    async def by_hour() -> Counter[str]:
        sums: Counter[str] = Counter()
        async for counter in database[COUNTERS.name].find({"dimension": "volume"}):
            sums[f"{counter['bucket']:%m-%d %H}"] += counter["words"]
        return Counter({hour: words for hour, words in sums.items() if words})

    before = await by_hour()
    assert await _fold(database) > 0
    assert await by_hour() == before


async def test_a_fold_that_stops_anywhere_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(database)
    before = await _by_day(database)
    monkeypatch.setattr(rollup, "_PIECE", 40)
    pieces = 0
    while True:
        folding = asyncio.create_task(_fold(database))
        held = await database[COUNTERS.name].count_documents({})
        while not folding.done() and await database[COUNTERS.name].count_documents({}) == held:
            await asyncio.sleep(0)
        if folding.done():
            break
        folding.cancel()
        await asyncio.wait([folding])
        pieces += 1
        assert await _by_day(database) == before
    assert pieces > 5
    assert (await _oldest(database))["minute"] >= _NOW.replace(hour=0, minute=0) - timedelta(days=2)


async def test_deltas_of_all_lanes_are_added_up(database: Database, worker: Worker) -> None:
    sink: Sink = await worker()
    for lane in ("posts.v1/0", "posts.v1/1"):
        await sink.checkpoints.open(lane)
        for n in range(3):
            posts = [_tagged(f"{lane} {n} {i}", ["cats", f"tag {i}"], author=f"author {i}") for i in range(5)]
            await sink.write(lane, n, n + 1, put(*posts))
    dog = {**_tagged("posts.v1/0 0 0", ["dogs"]), "offset": 9}
    await sink.write("posts.v1/0", 3, 4, put(dog))
    rows = await _rows(database)
    assert rows["hashtag", "cats"] == 29
    assert (rows["hashtag", "dogs"], rows["hashtag", "tag 0"], rows["author", "author 4"]) == (1, 5, 6)
    registers = await _registers(database)
    assert len(registers) == 5
    assert await database[COUNTER_DELTAS.name].count_documents({}) == 7
    assert await fold_deltas(database, Lease(database, "counters", "me")) == 7
    assert await database[COUNTER_DELTAS.name].count_documents({}) == 0
    assert await _rows(database) == rows
    assert await _registers(database) == registers
    # What cancels out before it is folded leaves nothing, but for the authors that there were.
    await sink.write("posts.v1/0", 4, 5, put(_tagged("gone", ["mice"])))
    gone = {"_id": "gone", "partition": 0, "offset": 1, "state": "deleted"}
    await sink.write("posts.v1/0", 5, 6, put(gone))
    assert await fold_deltas(database, Lease(database, "counters", "me")) == 2
    assert await database[COUNTERS.name].count_documents({"value": "mice"}) == 0
    # One document a value, of whatever lane it came.
    held = await database[COUNTERS.name].count_documents({"dimension": "hashtag", "value": "cats"})
    assert held == 1
    assert await fold_deltas(database, Lease(database, "counters", "me")) == 0


async def test_a_fold_of_deltas_that_stops_anywhere_goes_on(
    database: Database, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink: Sink = await worker()
    await sink.checkpoints.open("posts.v1/0")
    for n in range(40):
        await sink.write("posts.v1/0", n, n + 1, put(_tagged(f"p{n}", ["cats", f"tag {n % 9}"])))
    rows = await _rows(database)
    monkeypatch.setattr(rollup, "_MOST_COUNTERS", 2)
    stopped = 0
    while left := await database[COUNTER_DELTAS.name].count_documents({}):
        folding = asyncio.create_task(fold_deltas(database, Lease(database, "counters", "me")))
        while not folding.done() and await database[COUNTER_DELTAS.name].count_documents({}) == left:
            await asyncio.sleep(0)
        stopped += folding.cancel()
        await asyncio.wait([folding])
        assert await _rows(database) == rows
    assert stopped > 5


def _tagged(post_id: str, hashtags: list[str], **more: Any) -> Document:
    made = document(post_id, 0)
    return made | {"counters_version": 2, "analysis": {**made["analysis"], "hashtags": hashtags}} | more


async def _rows(database: Database) -> Counter[tuple[str, str]]:
    """(dimension, value) -> posts, as queries see them."""
    sums: Counter[tuple[str, str]] = Counter()
    for dimension in ("hashtag", "author"):
        found = await database[COUNTERS.name].aggregate(counter_rows(COUNTER_DELTAS.name, BY_NAME[dimension]))
        async for row in found:
            sums[dimension, row["value"]] += row["posts"]
    return sums


async def _registers(database: Database) -> dict[str, int]:
    highest: dict[str, int] = {}
    async for row in await database[COUNTERS.name].aggregate(counter_rows(COUNTER_DELTAS.name, AUTHORS)):
        for register, rank in row["registers"].items():
            highest[register] = max(rank, highest.get(register, 0))
    return highest


async def test_what_changes_late_is_folded_too(database: Database, worker: Worker) -> None:
    sink: Sink = await worker()
    old = document("a", 0, words=4) | {"created_at": _NOW - timedelta(days=40)}
    await sink.checkpoints.open("posts.v1/0")
    await sink.write("posts.v1/0", 0, 1, put(old))
    await _fold(database)
    (held,) = await database[COUNTERS.name].find().to_list()
    assert (held["granularity"], held["posts"], held["words"]) == ("day", 1, 4)
    await sink.write("posts.v1/0", 1, 2, put({"_id": "a", "offset": 1, "partition": 0, "state": "deleted"}))
    assert await database[COUNTERS.name].count_documents({}) == 2
    await _fold(database)
    (held,) = await database[COUNTERS.name].find().to_list()
    assert (held["granularity"], held["posts"], held["words"]) == ("day", 0, 0)


async def test_days_that_are_kept_no_longer_leave_one_sum(database: Database) -> None:
    await _fill(database)
    in_all, before = await _by_day(database, values=False), await _by_day(database)
    await _fold(database, CountersSettings(minute_days=1, hour_days=2, day_days=15))
    # What generations are compared by.
    assert await _by_day(database, values=False) == in_all
    first = f"{_NOW - timedelta(days=15):%Y-%m-%d}"
    after = await _by_day(database)
    assert {key: n for key, n in after.items() if key[0] >= first} == {
        key: n for key, n in before.items() if key[0] >= first
    }
    past = {key for key in after if key[0] < first}
    assert {(day, value) for day, _, value, _ in past} == {("1970-01-01", "")}
    assert await database[COUNTERS.name].count_documents({"granularity": "past"}) == 4


async def test_one_worker_folds_at_a_time(database: Database) -> None:
    await _fill(database)
    assert await Lease(database, "counters", "another").hold()
    assert await _fold(database) == 0
    await Lease(database, "counters", "another").let_go()
    assert await _fold(database) > 0


async def test_it_is_done_without_being_asked(database: Database) -> None:
    await _fill(database)
    turn = Lease(database, "counters", "me")
    looking: asyncio.Task[Any] = asyncio.create_task(rollup.look_after_counters(database, _KEPT, turn))

    async def is_folded() -> bool:
        assert not looking.done()
        left: int = await database[COUNTERS.name].count_documents({"granularity": "minute"})
        return not left

    await until("the minutes to be folded", is_folded)
    looking.cancel()
    await asyncio.wait([looking])
