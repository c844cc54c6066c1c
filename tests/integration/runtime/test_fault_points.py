"""Workers killed between every two steps of a batch: what is there at the end equals an independent count."""

import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from postpulse import events
from postpulse.events import Post
from postpulse.kafka.admin import admin_client
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, group_name
from stream_processors import analysis
from tests.pipeline import Pipeline, variables_of

_ROOT = Path(__file__).resolve().parents[3]
_READ = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, DEAD_LETTERS)
_TRANSACTION = ("letters sent", "checkpoint moved", "posts written")
#: What follows in the transaction, and after it.
_AFTER = ("counters written", "committed", "published")
_POINTS = {
    "ingest": [(step, POSTS.name) for step in (*_TRANSACTION, *_AFTER, "taken out")],
    "merge": [(step, POST_CHUNK_ANALYSES.name) for step in (*_TRANSACTION, "chunk results written", *_AFTER)],
    "the others": [
        ("letters sent", POST_CHUNKS.name),
        ("published", POST_CHUNKS.name),
        ("letters written", DEAD_LETTERS.name),
        ("committed", DEAD_LETTERS.name),
        ("finished", ""),
        ("offsets committed", ""),
    ],
}
_FINE = {
    "POSTPULSE_WORKER_CHUNK_CHARS": "1024",
    "POSTPULSE_WORKER_BATCH_MAX_RECORDS": "25",
    # Here every one of them is, as a record that kills would be.
    "POSTPULSE_WORKER_MAX_KILLS": "100",
}


class _World:
    """What was sent, and so what must be there."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.contents: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.garbage: set[tuple[bytes, bytes]] = set()
        self._pipeline = pipeline
        self._rounds = 0

    def go_on(self) -> None:
        """Posts short and long, an edit and a delete of some of the last round, garbage on every topic."""
        self._rounds += 1
        before = list(self.contents)[-8:]
        short = [f"Round {self._rounds} has short post {n}." for n in range(9)]
        long = [
            "".join(f"Sentence {s} of {n} in round {self._rounds}. " for s in range(120)) for n in range(3)
        ]
        made = [self._pipeline.post(text, author=f"a{n % 4}") for n, text in enumerate(short + long)]
        self._send(*made)
        for post_id in before[:2]:
            self._send(self._pipeline.post(f"Edited in round {self._rounds}.", post_id=post_id))
        for post_id in [*before[2:4], made[0].post_id, made[-1].post_id]:
            self._pipeline.send_raw(POSTS, post_id.encode(), None)
            self.contents.pop(post_id)
            self.deleted.add(post_id)
        for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
            for n in range(4):
                key, value = f"{self._rounds}:{n}".encode(), b"{broken" + topic.name.encode()
                self._pipeline.send_raw(topic, key, value)
                self.garbage.add((key, value))
        self._pipeline.flush()

    def _send(self, *posts: Post) -> None:
        for post in posts:
            self._pipeline.send_raw(POSTS, post.post_id.encode(), events.encode(post))
            self.contents[post.post_id] = post.content

    def check(self) -> None:
        pipeline = self._pipeline
        expected = {post_id: analysis.analyze(content) for post_id, content in self.contents.items()}
        pipeline.wait_for(
            "all posts",
            lambda: pipeline.database.posts.count_documents({"state": "analyzed"}) >= len(expected),
        )
        for topic in _READ:
            pipeline.wait_committed(topic)
        stored = {row["_id"]: row for row in pipeline.database.posts.find({})}
        assert {key for key, row in stored.items() if row["state"] == "deleted"} == self.deleted
        assert stored.keys() == expected.keys() | self.deleted
        assert {key: row["analysis"] for key, row in stored.items() if key in expected} == expected
        assert pipeline.counters("volume")[""] == {
            "posts": len(expected),
            "words": sum(metrics["num_of_words"] for metrics in expected.values()),
            "characters": sum(metrics["num_of_characters"] for metrics in expected.values()),
        }
        assert pipeline.database.chunk_results.count_documents({}) == 0
        told = pipeline.current_results()
        assert {key for key, result in told.items() if result is not None} == expected.keys()
        assert all((told[key] or {})["metrics"] == metrics for key, metrics in expected.items())
        letters = [(row["key"], row["value"]) for row in pipeline.database.dead_letters.find({})]
        assert len(letters) == len(self.garbage)
        assert set(letters) == self.garbage
        sent = {key for key, value in pipeline.read_all(DEAD_LETTERS) if value is not None}
        assert len(sent) == len(self.garbage)


def _take_over(pipeline: Pipeline, before: str, after: str) -> None:
    """Where one group is, the next one begins: it need not wait until the dead member's session is over."""
    client = admin_client(pipeline.settings.kafka)
    old, new = (group_name(group, pipeline.settings.kafka) for group in (before, after))
    request = [ConsumerGroupTopicPartitions(old)]
    found = client.list_consumer_group_offsets(request)[old].result(10).topic_partitions
    places = [TopicPartition(p.topic, p.partition, p.offset) for p in found if p.offset >= 0]
    if places:
        moved = [ConsumerGroupTopicPartitions(new, places)]
        client.alter_consumer_group_offsets(moved)[new].result(10)


@pytest.mark.parametrize("stage", _POINTS)
def test_a_crash_between_any_two_steps_changes_nothing(
    pipeline: Pipeline, tmp_path: Path, stage: str
) -> None:
    world = _World(pipeline)
    group = "first"
    for number, (step, lane) in enumerate(_POINTS[stage]):
        world.go_on()
        with (tmp_path / f"worker-{number}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.runtime.fault", step, lane],
                cwd=_ROOT,
                env=variables_of(pipeline.settings) | _FINE | {"POSTPULSE_WORKER_GROUP": group},
                stdout=log,
                stderr=log,
            )
        pipeline.workers.append(worker)
        pipeline.wait_for(f"death at {step} of {lane}", lambda one=worker: one.poll() is not None)
        assert worker.returncode == -9
        last = number == len(_POINTS[stage]) - 1
        following = pipeline.settings.worker.group if last else f"after-{number}"
        _take_over(pipeline, group, following)
        group = following
    pipeline.start_worker(**_FINE)
    world.check()
