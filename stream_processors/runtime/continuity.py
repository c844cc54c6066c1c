"""Sees that what a worker reads goes on where it was left: in the same logs, with nothing gone from them.

Looks every few seconds, whenever partitions are assigned, and when a broker says that it has nothing at a position.
What is not whole is said in the log and in readiness; then the setting `worker.on_lost_records` decides whether it
is left unread (`stop`) or read on (`continue`).

* **Cut at its start** (retention, delete-records) beyond the position: what lies between is lost. Goes on at the
  start.
* **Another log** (the topic was deleted and made again) or one that was **cut at its end** (an unclean election),
  so that offsets are given a second time: it gets the next number (`postpulse.log_numbers`), and is read from its
  start. Whatever it has is later than all that was known, so nothing of it is taken for old.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import KafkaError, TopicCollection
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import CHECKPOINTS, LOGS, Document
from postpulse.kafka.admin import AdminError, admin_client, result_of
from postpulse.kafka.lag import bounds
from postpulse.log_numbers import lowered, number_in
from postpulse.settings import Settings
from postpulse.telemetry import metrics
from postpulse.topics import Topic, topic_name
from stream_processors.dead_letters.sorting import passes_by_itself
from stream_processors.runtime.offsets import Partition

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 3.0
_AGAIN_SECONDS = 0.5
#: A broker that hangs is asked no longer; the next time it may be another one.
_ANSWER_SECONDS = 3.0
_HOW = "a worker with POSTPULSE_WORKER_ON_LOST_RECORDS=continue"


class Continuity:
    """Of all logs that one worker may read.

    Args:
        settings: of the whole product.
        database: with the collections.
        topics: that are read.

    Attributes:
        stopped: topic, or topic/partition -> why it is not read.
    """

    def __init__(
        self, settings: Settings, database: AsyncDatabase[Document], topics: Iterable[Topic]
    ) -> None:
        self.stopped: dict[str, str] = {}
        self._topics = {topic_name(topic, settings.kafka): topic.name for topic in topics}
        self._go_on = settings.worker.on_lost_records == "continue"
        self._admin = admin_client(settings.kafka)
        self._logs = database[LOGS.name]
        self._checkpoints = database[CHECKPOINTS.name]
        #: By topic, of those that may be read.
        self._documents: dict[str, Document] = {}
        #: Not read until it is known what their logs have: where they stand, None where nobody has committed.
        self._asked: dict[Partition, int | None] = {}
        self._moved: dict[Partition, int] = {}
        self._logs_said: dict[str, str] = {}
        self._positions_said: dict[str, str] = {}
        self._wake = asyncio.Event()

    def number(self, topic: str, partition: int) -> int | None:
        """Which log of a partition is read; None while it must not be.

        Args:
            topic: with the prefix in force.
        """
        document = self._documents.get(topic)
        if document is None or (topic, partition) in self._asked or str(partition) in document["broken"]:
            return None
        return number_in(document, partition)

    def assigned(self) -> None:
        """Partitions were assigned: what was asked of those before is of no interest any more."""
        self._asked.clear()
        self._moved.clear()
        self._positions_said.clear()
        self._wake.set()

    def ask(self, partition: Partition, position: int | None) -> None:
        """Have it found out whether a partition can be read on; until then, and if not, it has no `number`.

        Args:
            position: an offset at which there is nothing; None where nothing was committed.
        """
        self._asked[partition] = position
        self._wake.set()

    def moved(self) -> dict[Partition, int]:
        """Partitions to be read on at another offset, each told once."""
        moved, self._moved = self._moved, {}
        return moved

    async def run(self) -> None:
        """Look, until it is cancelled."""
        while True:
            try:
                await self._look()
                await self._judge()
            except Exception as error:
                log.warning(
                    "cannot see whether the logs are whole, looking again",
                    reason=str(error)[:300],
                    exc_info=not isinstance(error, AdminError) and not passes_by_itself(error),
                )
            waits = self._asked or len(self._documents) < len(self._topics)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _AGAIN_SECONDS if waits else _LOOK_SECONDS)
            self._wake.clear()

    async def _look(self) -> None:
        # In this order: a topic's id in Kafka is then never older than the one that is kept, unless a broker has
        # not heard of the new one yet.
        kept = {document["_id"]: document async for document in self._logs.find()}
        ids = await asyncio.to_thread(self._ids)
        said: dict[str, str] = {}
        for topic, name in self._topics.items():
            found = ids[topic]
            if found is None:
                said[name] = "the topic does not exist; `postpulse topics apply` creates it"
                continue
            document = kept.get(name) or await self._first(name, found)
            if found in document["past"]:
                continue
            if document["topic_id"] != found:
                if not self._go_on:
                    said[name] = (
                        "the topic was deleted and made again, and what was not read of the old one is lost: "
                        f"{_HOW} reads the new one from its start"
                    )
                    self._documents.pop(topic, None)
                    continue
                document = await self._made_again(document, found)
            for partition, cut in document["broken"].items():
                if self._go_on:
                    document = await self._cut_off(document, partition)
                else:
                    said[f"{name}/{partition}"] = (
                        f"the log ends at {cut['end']}, before {cut['position']}, where this group is: it was cut "
                        f"at its end, and offsets are given a second time: {_HOW} reads it again from its start"
                    )
            self._documents[topic] = document
        self._logs_said = said
        self._say()

    async def _first(self, name: str, topic_id: str) -> Document:
        """The document of a topic that had none."""
        fields: Document = {
            "topic_id": topic_id,
            "past": [],
            "number": 0,
            "numbers": {},
            "broken": {},
            "version": 0,
        }
        kept = await self._logs.find_one_and_update(
            {"_id": name}, {"$setOnInsert": fields}, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert kept is not None
        return kept

    async def _made_again(self, document: Document, topic_id: str) -> Document:
        changed, mine = await self._change(
            document,
            topic_id=topic_id,
            past=[*document["past"], document["topic_id"]],
            number=_next_number(document),
            numbers={},
            broken={},
        )
        if mine:
            log.error(
                "the topic was deleted and made again: what was not read of the old one is lost, the new one is "
                "read from its start",
                topic=document["_id"],
                number=changed["number"],
            )
            metrics.LOGS_BEGUN_AGAIN.labels(document["_id"]).inc()
        return changed

    async def _cut_off(self, document: Document, partition: str) -> Document:
        changed, mine = await self._change(
            document,
            numbers=document["numbers"] | {partition: _next_number(document)},
            broken={name: cut for name, cut in document["broken"].items() if name != partition},
        )
        if mine:
            log.error(
                "the log was cut at its end: it is read again from its start",
                topic=document["_id"],
                partition=int(partition),
                number=changed["numbers"][partition],
                **document["broken"][partition],
            )
            metrics.LOGS_BEGUN_AGAIN.labels(document["_id"]).inc()
        return changed

    async def _change(self, document: Document, **fields: object) -> tuple[Document, bool]:
        """A topic's document as it is then, and whether the change is ours: another worker may have been first."""
        changed = await self._logs.find_one_and_update(
            {"_id": document["_id"], "version": document["version"]},
            {"$set": fields, "$inc": {"version": 1}},
            return_document=ReturnDocument.AFTER,
        )
        if changed is not None:
            return changed, True
        current = await self._logs.find_one({"_id": document["_id"]})
        if current is None:
            raise AdminError(f"the document of {document['_id']} in the collection {LOGS.name} is gone")
        return current, False

    async def _judge(self) -> None:
        asked = {place: at for place, at in self._asked.items() if place[0] in self._documents}
        if not asked:
            return
        unknown = [place for place, at in asked.items() if at is None]
        checkpoints = await self._known_positions(unknown)
        positions = {place: at if at is not None else checkpoints.get(place) for place, at in asked.items()}
        outside = [place for place, at in positions.items() if at is not None]
        ends = await asyncio.to_thread(bounds, self._admin, outside)
        for place, at in positions.items():
            # Another one may have been assigned meanwhile, or is asked anew.
            if place in self._asked and self._asked[place] == asked[place]:
                await self._go_on_or_stop(place, at, *ends.get(place, (0, 0)))

    async def _go_on_or_stop(self, place: Partition, position: int | None, start: int, end: int) -> None:
        topic, partition = place
        document = self._documents[topic]
        where = f"{document['_id']}/{partition}"
        if position is not None and position > end:
            broken = document["broken"] | {str(partition): {"position": position, "end": end}}
            # Kept, since in an hour the log may have grown beyond the position.
            self._documents[topic], _ = await self._change(document, broken=broken)
            # What follows from it is decided at the next look.
            self._wake.set()
        elif position is not None and position < start:
            if not self._go_on:
                self._positions_said[where] = (
                    f"offsets {position} to {start - 1} ({start - position} of them) are gone from the log, and "
                    f"were not read: {_HOW} goes on at {start}"
                )
                self._say()
                return
            log.error(
                "records are lost: they were gone from the log before they were read",
                topic=document["_id"],
                partition=partition,
                first=position,
                last=start - 1,
                offsets=start - position,
            )
            metrics.RECORDS_LOST.labels(document["_id"]).inc(start - position)
            self._moved[place] = start
        self._asked.pop(place, None)

    async def _known_positions(self, places: list[Partition]) -> dict[Partition, int]:
        """Where the checkpoints are of partitions that nobody has committed for: Kafka forgets after a week."""
        lanes = {f"{self._topics[topic]}/{partition}": (topic, partition) for topic, partition in places}
        found = self._checkpoints.find({"_id": {"$in": list(lanes)}}, {"next": 1})
        positions = {}
        async for kept in found:
            place = lanes[kept["_id"]]
            number, offset = lowered(int(kept["next"]))
            if number == number_in(self._documents[place[0]], place[1]):
                positions[place] = offset
        return positions

    def _say(self) -> None:
        said = self._logs_said | self._positions_said
        for where, reason in said.items():
            if self.stopped.get(where) != reason:
                log.error("not read: its log is not whole", where=where, reason=reason)
        for where in self.stopped.keys() - said.keys():
            log.info("read again", where=where)
        self.stopped = said
        metrics.LOGS_STOPPED.set(len(said))

    def _ids(self) -> dict[str, str | None]:
        """By topic, the id that Kafka gave it; None where it is not there."""
        ids: dict[str, str | None] = {}
        asked = self._admin.describe_topics(
            TopicCollection(list(self._topics)), request_timeout=_ANSWER_SECONDS
        )
        for topic, future in asked.items():
            try:
                ids[topic] = str(result_of(future, f"describe {topic}").topic_id)
            except AdminError as error:
                if error.code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                ids[topic] = None
        return ids


def _next_number(document: Mapping[str, Any]) -> int:
    return 1 + max(int(document["number"]), *(int(number) for number in document["numbers"].values()), 0)
