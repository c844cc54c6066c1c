"""Random and mutated records on every topic that workers read: each in the dead letters, once, and nobody harmed.

`POSTPULSE_TEST_HOSTILE_RECORDS` says how many on each topic; 100,000 take a few minutes.
"""

import os
from collections import Counter
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, Message

from postpulse import events
from postpulse.events import Post
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, Topic
from stream_processors import analysis
from tests.integration.pipeline import hostile
from tests.integration.pipeline.hostile import Sent
from tests.pipeline import Pipeline

_COUNT = int(os.environ.get("POSTPULSE_TEST_HOSTILE_RECORDS", "2000"))
_TOPICS = (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, DEAD_LETTERS)
_PATIENCE = 60 + _COUNT / 100


class _Log:
    """Where the hostile records stand, by the keys of their letters."""

    def __init__(self) -> None:
        self.invalid: dict[str, Sent] = {}
        self.unclear: set[str] = set()
        #: Harmed, and valid all the same.
        self.posts: dict[str, bytes] = {}

    def keep(self, topic: Topic, sent: Sent) -> Any:
        valid = hostile.is_valid(topic, sent.key, sent.value)

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            place = f"{message.topic()}/{message.partition()}/{message.offset()}"
            if valid is None:
                self.unclear.add(place)
            elif not valid:
                self.invalid[place] = sent
            if valid is not False and topic is POSTS and sent.value is not None:
                self.posts[place] = sent.value

        return delivered


@pytest.mark.timeout(60 + _COUNT / 50)
def test_every_hostile_record_is_in_the_dead_letters_once_and_the_worker_lives(pipeline: Pipeline) -> None:
    producer = pipeline.new_producer(**{"queue.buffering.max.messages": 1_000_000})
    log = _Log()
    posts = [pipeline.post(f"Number {n} of the good ones.", author=f"a{n % 7}") for n in range(_COUNT // 20)]
    long = pipeline.post("This sentence is one of very many. " * 2_000)
    between = iter([*posts[1:], long])
    pipeline.send(posts[0])
    streams = [(topic, hostile.records(topic, _COUNT, seed=1)) for topic in _TOPICS]
    for n in range(_COUNT):
        for topic, stream in streams:
            sent = next(stream)
            producer.produce(
                pipeline.topic(topic),
                sent.value,
                sent.key,
                headers=list(sent.headers),
                on_delivery=log.keep(topic, sent),
            )
        if n % 20 == 0 and (good := next(between, None)) is not None:
            pipeline.send_raw(POSTS, good.post_id.encode(), msgspec.json.encode(good))
        producer.poll(0)
    pipeline.flush()
    assert producer.flush(60) == 0
    assert len(log.invalid) > _COUNT

    worker = pipeline.start_worker()
    pipeline.wait_analyzed(1)
    for topic in _TOPICS:
        pipeline.wait_for(f"no lag on {topic.name}", lambda topic=topic: pipeline.lag(topic) == 0, _PATIENCE)
    pipeline.wait_state(long.post_id, "analyzed")
    for topic in _TOPICS:
        pipeline.wait_committed(topic)

    kept = {row["_id"]: row for row in pipeline.database.dead_letters.find({})}
    ours = {key: row for key, row in kept.items() if not key.startswith("elsewhere/")}
    missing, surplus = log.invalid.keys() - ours.keys(), ours.keys() - log.invalid.keys() - log.unclear
    assert not missing, [(key, log.invalid[key]) for key in sorted(missing)[:3]]
    assert not surplus, [(key, ours[key]["reason"], ours[key]["value"]) for key in sorted(surplus)[:3]]
    for key, sent in log.invalid.items():
        assert (ours[key]["key"], ours[key]["value"]) == (sent.key, sent.value)
    # Garbage is its sender's fault: none of it was found by trial, nor counted against the deployment.
    assert {row["error_class"] for row in ours.values()} == {"UndecodableError", "UnicodeDecodeError"}
    told = Counter(key for key, value in pipeline.read_all(DEAD_LETTERS, _PATIENCE) if value is not None)
    sent_on = {key for key in log.invalid if not key.startswith(pipeline.topic(DEAD_LETTERS))}
    assert {key: told[key.encode()] for key in sent_on if told[key.encode()] != 1} == {}

    assert worker.poll() is None
    # What was changed into another valid post is one, and is counted as one.
    changed = [msgspec.json.decode(value, type=Post) for key, value in log.posts.items() if key not in kept]
    good = [*posts, long, *changed]
    expected = [analysis.analyze(post.content) for post in good]
    stored = {row["_id"]: row for row in pipeline.database.posts.find({"state": "analyzed"})}
    assert stored.keys() == {post.post_id for post in good}
    assert [stored[post.post_id]["analysis"] for post in good] == expected
    assert pipeline.counters("volume")[""] == {
        "posts": len(good),
        "words": sum(metrics["num_of_words"] for metrics in expected),
        "characters": sum(metrics["num_of_characters"] for metrics in expected),
    }


async def test_header_names_that_are_no_text_end_no_worker(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On all partitions: what one fetch brings of the others must not be lost.
    odd, *others = (pipeline.post(f"Post {n}.") for n in range(41))
    pipeline.send(*others[:20])
    await hostile.send_with_header_name(pipeline, monkeypatch, POSTS, odd.post_id, events.encode(odd))
    await hostile.send_with_header_name(pipeline, monkeypatch, POSTS, odd.post_id, b"{broken")
    pipeline.send(*others[20:])
    pipeline.start_worker()
    pipeline.wait_analyzed(41)
    pipeline.wait_committed(POSTS)
    pipeline.wait_committed(DEAD_LETTERS)
    (letter,) = pipeline.database.dead_letters.find({})
    assert letter["value"] == b"{broken"
    assert letter["headers"] == [["\\xff\\xfe", b"x"]]
    assert "header name that is no UTF-8" in pipeline.log_of(pipeline.workers[0])
