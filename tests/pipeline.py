"""The pipeline without its HTTP ends: records in on posts.v1, documents and results out, workers as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from pymongo import MongoClient
from pymongo.database import Database

from postpulse import events
from postpulse.collections import COUNTER_DELTAS
from postpulse.counting.dimensions import BY_NAME
from postpulse.counting.rows import counter_rows
from postpulse.events import Post
from postpulse.kafka.admin import admin_client
from postpulse.post_ids import PostIds
from postpulse.settings import Settings, setting_names, variable_name
from postpulse.topics import POST_ANALYSES, POSTS, Topic, group_name, topic_name
from tests.waiting import wait_until

Document = dict[str, Any]
_PATIENCE_SECONDS = 60.0


class Pipeline:
    """Sends records, starts and kills workers, and looks at what they wrote."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self.settings = settings
        self.ids = PostIds.from_settings(settings.ids)
        self.workers: list[subprocess.Popen[bytes]] = []
        self._logs = logs
        self._undelivered: list[str] = []
        self.mongo = MongoClient[Document](settings.mongo.uri.get_secret_value(), tz_aware=True)
        self.database: Database[Document] = self.mongo[settings.mongo.database]
        self._producer = self.new_producer()

    def new_producer(self, **config: Any) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.settings.kafka.bootstrap_servers,
                "partitioner": "murmur2_random",
                "message.max.bytes": 8_000_000,
                "log_level": 0,
                **config,
            }
        )

    def topic(self, topic: Topic) -> str:
        return topic_name(topic, self.settings.kafka)

    # Sending.

    def post(self, content: str, **fields: Any) -> Post:
        """A post that is not sent yet."""
        now = time.time_ns() // 1_000_000
        return Post(
            **{
                "post_id": self.ids.mint(),
                "content": content,
                "received_at": now,
                "created_at": now,
                **fields,
            }
        )

    def send(self, *posts: Post) -> None:
        """Put posts into the log, acknowledged."""
        for post in posts:
            self.send_raw(POSTS, post.post_id.encode(), events.encode(post))
        self.flush()

    def delete(self, post_id: str) -> None:
        self.send_raw(POSTS, post_id.encode(), None)
        self.flush()

    def send_raw(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        producer: Producer | None = None,
        **more: Any,
    ) -> None:
        to = producer or self._producer
        to.produce(self.topic(topic), value, key, on_delivery=self._check, **more)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0
        assert not self._undelivered

    def _check(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._undelivered.append(error.str())

    # Workers.

    def start_worker(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """A worker process; `variables` are settings of its own."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("POSTPULSE_")
        } | variables_of(self.settings)
        log = (self._logs / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen(
            [sys.executable, "-c", "from postpulse.cli.worker import command; command()", *arguments],
            env=environment | variables,
            stdout=log,
            stderr=log,
        )
        log.close()
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """SIGKILL, as a crash or the kernel would."""
        worker.kill()
        worker.wait(10)

    def stop(self, worker: subprocess.Popen[bytes]) -> int:
        """SIGTERM; returns the exit code."""
        worker.send_signal(signal.SIGTERM)
        return worker.wait(20)

    def log_of(self, worker: subprocess.Popen[bytes]) -> str:
        return (self._logs / f"worker-{self.workers.index(worker)}.log").read_text()

    def address_of(self, worker: subprocess.Popen[bytes]) -> str:
        """Where a worker serves its health and metrics."""

        def address() -> str | None:
            for line in self.log_of(worker).splitlines():
                if "worker metrics and health" in line:
                    return str(json.loads(line)["address"])
            return None

        return str(self.wait_for("the worker's address", address))

    def ready(self, worker: subprocess.Popen[bytes]) -> Document:
        """The checks of a worker's readiness, by name."""
        try:
            with urlopen(f"{self.address_of(worker)}/health/ready", timeout=10) as answer:
                found = json.load(answer)
        except HTTPError as unready:
            found = json.load(unready)
        checks: Document = found["checks"]
        return checks

    # Looking.

    def wait_for(self, what: str, condition: Callable[[], Any], seconds: float = _PATIENCE_SECONDS) -> Any:
        """What the condition returns once it is true; fails the test after a while, with the workers' logs."""

        def tails() -> str:
            return "\n".join(self.log_of(worker)[-3000:] for worker in self.workers)

        return wait_until(what, condition, seconds, tails)

    def wait_analyzed(self, count: int, seconds: float = _PATIENCE_SECONDS) -> None:
        def reached() -> bool:
            return self.database.posts.count_documents({"state": "analyzed"}) >= count

        self.wait_for(f"{count} analyzed posts", reached, seconds)

    def find(self, post_id: str) -> Document | None:
        return self.database.posts.find_one({"_id": post_id})

    def wait_state(self, post_id: str, state: str) -> Document:
        found = self.wait_for(
            f"{post_id} to be {state}", lambda: self.database.posts.find_one({"_id": post_id, "state": state})
        )
        assert isinstance(found, dict)
        return found

    def counters(self, dimension: str) -> dict[str, Document]:
        """Value -> its sums over all buckets and lanes; those that are all zero are left out."""
        found = self.database.counters.aggregate(
            [
                *counter_rows(COUNTER_DELTAS.name, BY_NAME[dimension]),
                {
                    "$group": {
                        "_id": "$value",
                        "posts": {"$sum": "$posts"},
                        "words": {"$sum": "$words"},
                        "characters": {"$sum": "$characters"},
                    }
                },
            ]
        )
        sums = {row.pop("_id"): row for row in found}
        return {value: row for value, row in sums.items() if any(row.values())}

    def wait_committed(self, topic: Topic) -> None:
        """Wait until the group has committed to the end of every partition."""
        self.wait_for(f"no lag on {topic.name}", lambda: self.lag(topic) == 0)

    def wait_members(self, count: int) -> None:
        """Wait until so many workers share the partitions."""
        group = group_name(self.settings.worker.group, self.settings.kafka)
        client = admin_client(self.settings.kafka)

        def settled() -> bool:
            try:
                described = client.describe_consumer_groups([group])[group].result(10)
            except KafkaException as exc:
                # For a moment, where nobody was in a group of this broker before.
                if exc.args[0].code() != KafkaError.NOT_COORDINATOR:
                    raise
                return False
            return described.state == ConsumerGroupState.STABLE and len(described.members) == count

        self.wait_for(f"{count} workers in the group", settled)

    def lag(self, topic: Topic) -> int:
        """Records of a topic that the workers' group has not committed."""
        name = self.topic(topic)
        consumer = self.new_consumer(group_name(self.settings.worker.group, self.settings.kafka))
        try:
            partitions = [TopicPartition(name, p) for p in range(self.settings.kafka.partitions)]
            lag = 0
            for committed in consumer.committed(partitions, timeout=10):
                low, high = _watermarks(consumer, committed)
                lag += high - max(committed.offset, low)
            return lag
        finally:
            consumer.close()

    def read_all(self, topic: Topic, seconds: float = 20.0) -> list[tuple[bytes | None, bytes | None]]:
        """Every record of a topic as (key, value), in order within each partition."""
        name = self.topic(topic)
        consumer = self.new_consumer("reader")
        try:
            ends = {}
            for p in range(self.settings.kafka.partitions):
                low, high = _watermarks(consumer, TopicPartition(name, p))
                if high > low:
                    ends[p] = high
            consumer.assign([TopicPartition(name, p, 0) for p in ends])
            records: list[tuple[bytes | None, bytes | None]] = []
            deadline = time.monotonic() + seconds
            while ends and time.monotonic() < deadline:
                for message in consumer.consume(1000, timeout=0.2):
                    assert message.error() is None
                    records.append((message.key(), message.value()))
                positions = {p.partition: p.offset for p in consumer.position(consumer.assignment())}
                ends = {p: end for p, end in ends.items() if positions[p] < end}
            assert not ends
            return records
        finally:
            consumer.close()

    def current_results(self) -> dict[str, Document | None]:
        """post_id -> the last record of post-analyses.v1, as a compacted log would keep it."""
        return {
            (key or b"").decode(): json.loads(value) if value is not None else None
            for key, value in self.read_all(POST_ANALYSES)
        }

    def new_consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.settings.kafka.bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_uncommitted",
                "log_level": 0,
            }
        )

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait(10)
        self._producer.flush(5)
        self.mongo.close()


def _watermarks(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    deadline = time.monotonic() + 10
    while True:
        try:
            low, high = consumer.get_watermark_offsets(partition, timeout=10)
            return low, high
        except KafkaException:
            # A topic that was just created has no leader for a moment.
            if time.monotonic() > deadline:
                raise


def variables_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a process."""
    variables = {}
    for section, name in setting_names():
        value = getattr(getattr(settings, section), name)
        if isinstance(value, tuple):
            variables[variable_name(section, name)] = ",".join(key.get_secret_value() for key in value)
        elif value is not None:
            plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
            variables[variable_name(section, name)] = str(plain)
    return variables
