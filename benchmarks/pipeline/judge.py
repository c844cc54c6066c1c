"""The whole pipeline behind the log: one worker, from posts.v1 to MongoDB, and what counters cost it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

import psutil
from confluent_kafka import Producer
from pymongo import MongoClient

from benchmarks.analysis.posts import load
from benchmarks.contest import contest
from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, running, servers
from postpulse import events
from postpulse.collections import COUNTER_DELTAS, COUNTERS, POSTS, Document
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.kafka.admin import apply_topics
from postpulse.mongo.client import prepare_database
from postpulse.post_ids import PostIds
from postpulse.settings import IdsSettings, KafkaSettings, MongoSettings
from postpulse.topics import POSTS as POSTS_TOPIC
from postpulse.topics import topic_name

#: Enough for lists of counters to be folded on the way, which is done every ten seconds.
_POSTS = 60_000
_AUTHORS = 2_000
#: Over which they were written.
_SPAN_MS = 10 * 60 * 1000
_PATIENCE_SECONDS = 180.0
_ALL, _WITHOUT, _WITH_WORDS = "postpulse", "without counters", "with the text index"
#: What each contestant is told beside where the servers are.
_TOLD: Mapping[str, Mapping[str, str]] = {
    _ALL: {},
    _WITHOUT: {"WITHOUT": "counters"},
    _WITH_WORDS: {"POSTPULSE_MONGO_TEXT_INDEX": "on"},
}


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Run the comparison.

    Args:
        rounds: of every contestant.
        say: told of the progress.
    """
    posts = load()
    with servers() as (kafka, mongo):
        judge = _Judge(kafka.bootstrap_servers, mongo, posts.texts)
        series = contest({name: partial(judge.run, name) for name in _TOLD}, rounds, say)
    ours, without, with_words = series
    return Result(
        name="pipeline",
        title="Pipeline: from the log to MongoDB",
        question=(
            f"One worker reads {_POSTS:,} short posts of {_AUTHORS:,} authors from posts.v1, analyzes them, writes "
            "documents (with the indexes of lists) and counters in transactions, and tells the results. "
            f"Posts a second from the first document on; median of {rounds} rounds after one of warm-up. Processor "
            "time until all is counted. Broker and database on the same machine take their share of its cores."
        ),
        columns=["", "posts/s", "range", "worker µs/post", "mongod µs/post", "beside postpulse"],
        rows=[
            [
                each.name,
                f"{each.median:,.0f}",
                f"{min(each.figures):,.0f} to {max(each.figures):,.0f}",
                f"{judge.cpu[each.name][0]:.0f}",
                f"{judge.cpu[each.name][1]:.0f}",
                f"{each.median / ours.median:.2f}",
            ]
            for each in series
        ],
        verdict=[
            f"Without counters a worker takes {without.median / ours.median:.2f} times as many posts.",
            f"Where they are found by their words it takes {with_words.median / ours.median:.2f} times as many.",
            f"{_POSTS:,} posts of ten minutes leave {judge.kept:,} documents of counters.",
        ],
        versions={"faust-streaming": version("faust-streaming"), "pymongo": version("pymongo")},
    )


class _Judge:
    def __init__(self, bootstrap_servers: str, mongo: EmbeddedMongo, texts: list[str]) -> None:
        self._servers = bootstrap_servers
        self._mongo = mongo
        self._texts = texts
        self._client: MongoClient[Document] = MongoClient(mongo.uri)
        self._ids = PostIds.from_settings(IdsSettings.model_validate({"keys": token_hex(16)}))
        self.cpu: dict[str, tuple[float, float]] = {}
        """Contestant -> microseconds of processor time a post of worker and mongod, of the last round."""
        self.kept = 0

    def run(self, contestant: str) -> float:
        """Posts a second, from the first document on."""
        own = f"b{token_hex(4)}"
        kafka = KafkaSettings(bootstrap_servers=self._servers, topic_prefix=f"{own}.")
        apply_topics(kafka)
        settings = MongoSettings.model_validate({"uri": self._mongo.uri, "database": own})
        asyncio.run(prepare_database(settings, "judge"))
        self._fill(topic_name(POSTS_TOPIC, kafka))
        variables = {
            **_TOLD[contestant],
            "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": self._servers,
            "POSTPULSE_KAFKA_TOPIC_PREFIX": f"{own}.",
            "POSTPULSE_MONGO_URI": self._mongo.uri,
            "POSTPULSE_MONGO_DATABASE": own,
        }
        database = self._client[own]
        worker = [OWN_PYTHON, Path(__file__).with_name("worker.py")]
        with running(worker, variables, f"pipeline-{contestant.replace(' ', '-')}") as process:
            watched = (psutil.Process(process.pid), psutil.Process(self._mongod()))
            deadline = time.monotonic() + _PATIENCE_SECONDS

            def analyzed() -> int:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the worker does not go on; its log is under .artifacts/benchmarks/")
                time.sleep(0.02)
                return database[POSTS.name].estimated_document_count()

            while (first := analyzed()) == 0:
                pass
            busy = [sum(each.cpu_times()[:2]) for each in watched]
            began = time.monotonic()
            while (count := analyzed()) < _POSTS:
                pass
            seconds = time.monotonic() - began
            # What is not folded yet is work that the posts have made as well.
            while database[COUNTER_DELTAS.name].estimated_document_count():
                analyzed()
            took = [sum(each.cpu_times()[:2]) - was for each, was in zip(watched, busy, strict=True)]
            self.cpu[contestant] = (took[0] / (count - first) * 1e6, took[1] / (count - first) * 1e6)
        kept = database[COUNTERS.name].count_documents({})
        if bool(kept) != (contestant != _WITHOUT):
            raise RuntimeError(f"{kept} documents of counters {contestant}")
        if contestant == _ALL:
            self.kept = kept
        self._client.drop_database(own)
        return (count - first) / seconds

    def _fill(self, topic: str) -> None:
        producer = Producer({"bootstrap.servers": self._servers, "linger.ms": 20, "log_level": 0})
        now = time.time_ns() // 1_000_000
        for number in range(_POSTS):
            post_id = self._ids.mint()
            at = now - _SPAN_MS * (_POSTS - number) // _POSTS
            post = events.Post(
                post_id=post_id,
                content=self._texts[number % len(self._texts)],
                received_at=at,
                created_at=at,
                author=f"author {number * 7919 % _AUTHORS}",
            )
            producer.produce(topic, events.encode(post), post_id)
            if not number % 1000:
                producer.poll(0)
        assert producer.flush(60) == 0

    def _mongod(self) -> int:
        return int(self._client.admin.command("serverStatus")["pid"])
