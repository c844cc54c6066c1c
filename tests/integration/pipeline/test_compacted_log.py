"""A log that the broker has really compacted, and records as large as they may be."""

from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from postpulse import events
from postpulse.events import Post
from postpulse.kafka.admin import admin_client
from postpulse.topics import POSTS
from stream_processors import analysis
from tests.integration.pipeline.asked import ask, effects, wait_over
from tests.pipeline import Pipeline

#: Of the broker, which takes this one while it runs.
_EAGER_CLEANER = {"log.cleaner.backoff.ms": "100"}
_EAGER_TOPIC = {
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "delete.retention.ms": "0",
}


def configure(pipeline: Pipeline, kind: ResourceType, name: str, config: dict[str, str | None]) -> None:
    entries = [
        ConfigEntry(
            key,
            value,
            incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
        )
        for key, value in config.items()
    ]
    resource = ConfigResource(kind, name, incremental_configs=entries)
    client = admin_client(pipeline.settings.kafka)
    for future in client.incremental_alter_configs([resource]).values():
        future.result(10)


@pytest.fixture
def compacting(pipeline: Pipeline) -> Iterator[Pipeline]:
    """posts.v1 is compacted within seconds."""
    (broker,) = admin_client(pipeline.settings.kafka).list_topics(timeout=10).brokers
    configure(pipeline, ResourceType.BROKER, str(broker), dict(_EAGER_CLEANER))
    configure(pipeline, ResourceType.TOPIC, pipeline.topic(POSTS), dict(_EAGER_TOPIC))
    yield pipeline
    configure(pipeline, ResourceType.BROKER, str(broker), dict.fromkeys(_EAGER_CLEANER))


def test_what_is_left_of_a_compacted_log_is_all_that_counts(compacting: Pipeline) -> None:
    pipeline = compacting
    posts = [pipeline.post(f"Post number {n} says hello.") for n in range(60)]
    pipeline.send(*posts)
    edited = [msgspec.structs.replace(post, content="Two words.") for post in posts[10:]]
    pipeline.send(*posts, *edited)
    for post in posts[:10]:
        pipeline.delete(post.post_id)
    written = len(posts) * 3

    def compacted() -> bool:
        # What is written last closes the segment before it: only closed ones are compacted.
        fresh.extend(pipeline.post("Last.") for _ in range(6))
        pipeline.send(*fresh[-6:])
        return len(pipeline.read_all(POSTS)) - len(fresh) < written / 2

    fresh: list[Post] = []
    pipeline.wait_for("the log to be compacted", compacted)
    pipeline.start_worker(POSTPULSE_REPLAY_MAX_SHARE="1")
    left = [*edited, *fresh]
    pipeline.wait_analyzed(len(left))
    pipeline.wait_committed(POSTS)
    expected = {
        "posts": len(left),
        "words": sum(analysis.analyze(post.content)["num_of_words"] for post in left),
        "characters": sum(len(post.content) for post in left),
    }
    assert pipeline.counters("volume")[""] == expected

    replay = ask(pipeline)
    wait_over(pipeline, replay)
    assert effects(pipeline, replay)["looked_at"] >= len(left)
    assert effects(pipeline, replay)["changed"] == 0
    rebuild = ask(pipeline, rebuild=True)
    wait_over(pipeline, rebuild)
    built = pipeline.database["posts.g2"]
    assert built.count_documents({"state": "analyzed"}) == len(left)
    assert {post["_id"] for post in built.find({"state": "analyzed"})} == {post.post_id for post in left}


def test_posts_as_large_as_they_may_be(pipeline: Pipeline) -> None:
    sentence = "Nine words are what this one sentence of mine has. "
    large = [pipeline.post((sentence * (size // len(sentence) + 1))[:size]) for size in (900_000, 1_048_576)]
    # Each character takes six bytes in the record, and no text may be cut in it.
    escaped = pipeline.post("\x01" * 1_048_576)
    small = [pipeline.post(f"Small {n}.") for n in range(20)]
    pipeline.start_worker()
    pipeline.send(*small[:10], *large, escaped, *small[10:])
    pipeline.wait_analyzed(len(small) + 3, seconds=120)
    for post in large:
        document = pipeline.wait_state(post.post_id, "analyzed")
        assert document["analysis"] == analysis.analyze(post.content)
        assert document["chunks"] > 1
    assert len(events.encode(escaped)) > 6_000_000
    assert pipeline.wait_state(escaped.post_id, "analyzed")["analysis"]["num_of_words"] == 0
    assert pipeline.counters("volume")[""]["posts"] == len(small) + 3
