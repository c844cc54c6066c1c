"""Whether everything acknowledged has had its effects exactly once: MongoDB and Kafka against our own count."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from confluent_kafka import ConsumerGroupState, KafkaException
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from postpulse.chaos.load import Load
from postpulse.chaos.witness import READ
from postpulse.collections import (
    CHUNK_RESULTS,
    COUNTER_DELTAS,
    COUNTERS,
    GENERATIONS,
    POSTS,
    Collection,
    Document,
)
from postpulse.counting.dimensions import AUTHOR, VOLUME, Dimension
from postpulse.counting.rows import counter_rows
from postpulse.generations.state import read_state
from postpulse.kafka.admin import AdminError, admin_client
from postpulse.kafka.lag import describe_partitions
from postpulse.mongo.client import connect, database
from postpulse.settings import Settings
from postpulse.topics import group_name

_LOOK_SECONDS = 0.25
_ASK_SECONDS = 5.0
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a round ended.

    Attributes:
        seconds: from the end of the load until all was right; None where it was not in time.
        problems: what is wrong still, in words; empty where nothing is.
    """

    seconds: float | None
    problems: list[str]


class Judge:
    """Looks until all is right, or time is up.

    Args:
        settings: of the cluster.
        addresses: of its ingest APIs.
    """

    def __init__(self, settings: Settings, addresses: Sequence[str]) -> None:
        self._settings = settings
        self._addresses = addresses
        self._client: AsyncMongoClient[Document] = connect(settings.mongo, "postpulse-chaos")
        self._database = database(self._client, settings.mongo)

    async def close(self) -> None:
        await self._client.close()

    async def judge(self, load: Load, seconds: float) -> Verdict:
        """What is wrong, once nothing is or the time is over."""
        began = time.monotonic()
        while True:
            try:
                problems = await self._problems(load)
            except (PyMongoError, AdminError, KafkaException, TimeoutError) as exc:
                problems = [f"the servers do not answer: {exc!r}"]
            took = time.monotonic() - began
            if not problems:
                return Verdict(took, [])
            if took > seconds:
                return Verdict(None, problems)
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_ready(self, seconds: float) -> Verdict:
        """As `judge`, before any load: every API is ready, and all partitions are owned."""
        return await self.judge(Load(self._addresses, 1.0, random.Random(0)), seconds)  # noqa: S311 -- nothing is sent

    async def _problems(self, load: Load) -> list[str]:
        problems = await self._apis()
        problems += await asyncio.to_thread(self._group)
        if not problems:
            problems += await self._posts(load)
        if not problems:
            problems += await self._counters(load.totals())
        return problems

    async def _apis(self) -> list[str]:
        problems = []
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session:
            for address in self._addresses:
                try:
                    async with session.get(f"{address}/health/ready") as answer:
                        if answer.status != 200:
                            problems.append(f"{address} is not ready: {await answer.text()}")
                except (aiohttp.ClientError, TimeoutError) as exc:
                    problems.append(f"{address} does not answer: {exc!r}")
        return problems

    def _group(self) -> list[str]:
        """Whether every partition is owned, and read to its end."""
        settings = self._settings
        name = group_name(settings.worker.group, settings.kafka)
        # Kept until it has answered: a client that is dropped takes its questions along.
        client = admin_client(settings.kafka)
        described = client.describe_consumer_groups([name])[name].result(_ASK_SECONDS)
        if described.state != ConsumerGroupState.STABLE:
            return [f"the group of workers is {described.state.name}"]
        owned = {(p.topic, p.partition) for m in described.members for p in m.assignment.topic_partitions}
        problems = []
        for state in describe_partitions(settings, READ):
            where = f"{state.topic}/{state.partition}"
            if (state.topic, state.partition) not in owned:
                problems.append(f"nobody owns {where}")
            elif state.lag:
                problems.append(f"{state.lag} records of {where} are not committed")
            if state.in_sync < state.replicas:
                problems.append(f"{where} has {state.in_sync} of {state.replicas} replicas in sync")
        return problems

    async def _posts(self, load: Load) -> list[str]:
        states: dict[str, str] = {}
        async for found in (await self._served(POSTS)).find({}, {"state": 1}):
            states[found["_id"]] = found["state"]
        problems = []
        for wanted, post_ids in (("analyzed", load.acknowledged.keys()), ("deleted", load.deleted)):
            wrong = [
                f"{each} ({states.get(each, 'lost')})" for each in post_ids if states.get(each) != wanted
            ]
            if wrong:
                shown = ", ".join(wrong[:_SHOWN])
                problems.append(f"{len(wrong)} acknowledged posts are not {wanted}: {shown}")
        more = states.keys() - load.acknowledged.keys() - load.deleted
        if more:
            problems.append(f"{len(more)} posts are there that nobody was told of: {sorted(more)[:_SHOWN]}")
        pending = await (await self._served(CHUNK_RESULTS)).count_documents({})
        if pending:
            problems.append(f"{pending} partial results are left over")
        return problems

    async def _counters(self, totals: dict[str, Counter[str]]) -> list[str]:
        problems = []
        for dimension, wanted in (
            (VOLUME, {"": totals[""]}),
            (AUTHOR, {author: counted for author, counted in totals.items() if author}),
        ):
            counted = await self._sums(dimension)
            for value in sorted(counted.keys() | wanted.keys()):
                expected, found = dict(wanted.get(value, {})), counted.get(value, {})
                if expected != found:
                    problems.append(f"{dimension.name} {value!r} counts {found}, and should be {expected}")
        return problems

    async def _sums(self, dimension: Dimension) -> dict[str, dict[str, int]]:
        fields = VOLUME.amounts
        deltas = await self._served(COUNTER_DELTAS)
        pipeline: list[dict[str, Any]] = [
            *counter_rows(deltas.name, dimension),
            {"$group": {"_id": "$value", **{field: {"$sum": f"${field}"} for field in fields}}},
        ]
        sums = {}
        async for row in await (await self._served(COUNTERS)).aggregate(pipeline):
            counted = {field: int(row[field]) for field in fields if row[field]}
            if counted:
                sums[row["_id"]] = counted
        return sums

    async def _served(self, collection: Collection) -> AsyncCollection[Document]:
        """The one that queries are answered from."""
        state = await read_state(self._database[GENERATIONS.name])
        return self._database[collection.name_in(state.current)]
