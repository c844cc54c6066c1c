"""Logs that are not what they were when they were read: cut short, deleted, made again. Nothing of it is silent."""

import subprocess
from urllib.request import urlopen

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported, but not so that mypy sees it
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from postpulse.events import Post
from postpulse.kafka.admin import admin_client, apply_topics
from postpulse.kafka.lag import bounds
from postpulse.log_numbers import lowered
from postpulse.replays import new_replay
from postpulse.topics import (
    POST_ANALYSES,
    POST_CHUNK_ANALYSES,
    POST_CHUNKS,
    POSTS,
    POSTS_REPLAY,
    Topic,
    group_name,
)
from stream_processors import analysis
from tests.pipeline import Pipeline

_CONTINUE = {"POSTPULSE_WORKER_ON_LOST_RECORDS": "continue"}
_LONG = "One sentence of very many. " * 800


def _posts(pipeline: Pipeline, what: str, count: int, content: str = "") -> list[Post]:
    made = [pipeline.post(content or f"{what} number {n}.") for n in range(count)]
    pipeline.send(*made)
    return made


def _read(pipeline: Pipeline, *made: Post) -> None:
    """Have a worker read these, and stop."""
    worker = pipeline.start_worker()
    pipeline.send(*made)
    pipeline.wait_analyzed(len(made))
    pipeline.wait_committed(POSTS)
    assert pipeline.stop(worker) == 0


def _ends(pipeline: Pipeline, topic: Topic) -> list[TopicPartition]:
    places = [(pipeline.topic(topic), partition) for partition in range(pipeline.settings.kafka.partitions)]
    found = bounds(admin_client(pipeline.settings.kafka), places)
    return [TopicPartition(*place, end) for place, (_, end) in found.items()]


def _committed(pipeline: Pipeline, topic: Topic) -> list[int]:
    group = pipeline.new_consumer(group_name(pipeline.settings.worker.group, pipeline.settings.kafka))
    try:
        return [place.offset for place in group.committed(_ends(pipeline, topic), timeout=10)]
    finally:
        group.close()


def _commit(pipeline: Pipeline, places: list[TopicPartition]) -> None:
    group = pipeline.new_consumer(group_name(pipeline.settings.worker.group, pipeline.settings.kafka))
    try:
        group.commit(offsets=places, asynchronous=False)
    finally:
        group.close()


def _cut_all(pipeline: Pipeline, topic: Topic) -> list[int]:
    """Take all records out, as retention would; returns where the partitions begin now."""
    client, name = admin_client(pipeline.settings.kafka), pipeline.topic(topic)
    # Of a topic that is only compacted a broker takes nothing out.
    policy = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[policy])
    client.incremental_alter_configs([resource])[resource].result(10)
    ends = _ends(pipeline, topic)
    for future in client.delete_records(ends).values():
        future.result(10)
    return [place.offset for place in ends]


def _make_again(pipeline: Pipeline, *topics: Topic) -> None:
    client, names = admin_client(pipeline.settings.kafka), [pipeline.topic(topic) for topic in topics]
    for future in client.delete_topics(names).values():
        future.result(10)

    def made() -> bool:
        # A name is free when the broker says so.
        apply_topics(pipeline.settings.kafka)
        return set(names) <= client.list_topics(timeout=10).topics.keys()

    pipeline.wait_for("the topics to be there again", made)


def _wait_said(pipeline: Pipeline, worker: subprocess.Popen[bytes], *words: str) -> None:
    def said() -> bool:
        logs = pipeline.ready(worker)["logs"]
        return logs["status"] == "failing" and all(word in logs["reason"] for word in words)

    pipeline.wait_for(f"{words} in the readiness", said)


def _wait_ready(pipeline: Pipeline, worker: subprocess.Popen[bytes]) -> None:
    pipeline.wait_for("logs that are whole", lambda: pipeline.ready(worker)["logs"]["status"] == "ok")


def _metric(pipeline: Pipeline, worker: subprocess.Popen[bytes], sample: str) -> float:
    with urlopen(f"{pipeline.address_of(worker)}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample))


def _check(pipeline: Pipeline, posts: dict[str, Post]) -> None:
    """Each of these is analyzed and counted once, and nothing else is."""

    def right() -> bool:
        found = {row["_id"]: row for row in pipeline.database.posts.find({"state": "analyzed"})}
        return found.keys() == posts.keys() and all(
            row["content"] == posts[post_id].content for post_id, row in found.items()
        )

    pipeline.wait_for(f"{len(posts)} posts", right)
    expected = [analysis.analyze(post.content) for post in posts.values()]
    assert pipeline.counters("volume")[""] == {
        "posts": len(posts),
        "words": sum(metrics["num_of_words"] for metrics in expected),
        "characters": sum(metrics["num_of_characters"] for metrics in expected),
    }


def _by_id(*posts: Post) -> dict[str, Post]:
    return {post.post_id: post for post in posts}


def test_records_that_are_gone_before_they_were_read_stop_the_worker_or_are_passed_over_and_counted(
    pipeline: Pipeline,
) -> None:
    known = [pipeline.post(f"Read number {n}.") for n in range(30)]
    _read(pipeline, *known)
    _posts(pipeline, "Never read", 30)
    starts = _cut_all(pipeline, POSTS)
    stopped = pipeline.start_worker()
    _wait_said(
        pipeline, stopped, *(f"posts.v1/{n}: offsets" for n in range(3)), "gone from the log", "=continue"
    )
    assert pipeline.stop(stopped) == 0
    # As Kafka does with a group that was away for a week: the checkpoints know where it was.
    group = group_name(pipeline.settings.worker.group, pipeline.settings.kafka)
    client = admin_client(pipeline.settings.kafka)
    client.delete_consumer_groups([group])[group].result(10)

    going_on = pipeline.start_worker(**_CONTINUE)
    pipeline.wait_for("the group to be there", lambda: _committed(pipeline, POSTS) == starts)
    assert pipeline.log_of(going_on).count("records are lost") == 3
    assert _metric(pipeline, going_on, 'postpulse_records_lost_total{topic="posts.v1"}') == 30
    _wait_ready(pipeline, going_on)
    assert pipeline.stop(going_on) == 0

    again = pipeline.start_worker()
    known += _posts(pipeline, "There", 30)
    _check(pipeline, _by_id(*known))
    assert "not whole" not in pipeline.log_of(again)


def test_a_topic_that_was_made_again_is_not_taken_for_the_old_one(pipeline: Pipeline) -> None:
    old = [pipeline.post(f"Old number {n}.") for n in range(30)]
    long = [pipeline.post(_LONG)]
    _read(pipeline, *old, *long)
    _make_again(pipeline, POSTS)
    # Shorter than the old one: all its offsets have been read.
    new = _posts(pipeline, "New", 12)
    edited = pipeline.post("Another word on it.", post_id=old[0].post_id)
    longer = pipeline.post(_LONG + _LONG, post_id=long[0].post_id)
    pipeline.send(edited, longer)
    pipeline.delete(old[1].post_id)
    # As a worker does that has not seen yet what became of the topic.
    _commit(pipeline, _ends(pipeline, POSTS))
    stopped = pipeline.start_worker()
    _wait_said(pipeline, stopped, "posts.v1: the topic was deleted and made again", "=continue")
    assert pipeline.stop(stopped) == 0
    assert pipeline.database.posts.count_documents({}) == 31

    going_on = pipeline.start_worker(**_CONTINUE)
    now = _by_id(*old, *long, *new, edited, longer)
    del now[old[1].post_id]
    _check(pipeline, now)
    pipeline.wait_committed(POSTS)
    assert _metric(pipeline, going_on, 'postpulse_logs_begun_again_total{topic="posts.v1"}') == 1
    # To those who follow the results, the later word has the higher revision.
    told = pipeline.current_results()[edited.post_id]
    assert told is not None
    assert lowered(told["revision"])[0] == 1
    assert pipeline.stop(going_on) == 0

    again = pipeline.start_worker()
    newest = _posts(pipeline, "Newest", 3)
    _check(pipeline, now | _by_id(*newest))
    assert "not whole" not in pipeline.log_of(again)
    assert "begun again" not in pipeline.log_of(again)
    # Each was read once more by nobody: results of the new log are told once.
    assert sum(key == new[0].post_id.encode() for key, _ in pipeline.read_all(POST_ANALYSES)) == 1
    _replay_all(pipeline)
    _check(pipeline, now | _by_id(*newest))


def _replay_all(pipeline: Pipeline) -> None:
    """Have all that the log has analyzed once more, as a newer version would."""
    pipeline.database.posts.update_many({"state": "analyzed"}, {"$set": {"analysis_version": 0}})
    replay = new_replay({"all": True})
    pipeline.database.replays.insert_one(replay)
    done = {"_id": replay["_id"], "state": "done"}
    pipeline.wait_for("the replay", lambda: pipeline.database.replays.find_one(done))
    left = pipeline.database.posts.find({"state": "analyzed", "analysis_version": 0})
    # Of the old log's posts nobody has the records any more.
    assert all(lowered(row["offset"])[0] == 0 for row in left)
    assert pipeline.database.posts.count_documents({"analysis_version": analysis.ANALYSIS_VERSION}) == 17


@pytest.mark.parametrize("count", [6, 90], ids=["shorter than the old one", "longer than the old one"])
def test_topics_made_again_while_a_worker_reads_them(pipeline: Pipeline, count: int) -> None:
    worker = pipeline.start_worker(**_CONTINUE)
    known = [*_posts(pipeline, "Old", 30), *_posts(pipeline, "", 2, _LONG)]
    _check(pipeline, _by_id(*known))
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)
    _make_again(pipeline, POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, POSTS_REPLAY)
    known += [*_posts(pipeline, "New", count), *_posts(pipeline, "", 2, _LONG)]
    _check(pipeline, _by_id(*known))
    assert worker.poll() is None
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_for(
            f"{topic.name} to be known as another one",
            lambda name=topic.name: pipeline.database.logs.find_one({"_id": name, "number": 1}),
        )
        pipeline.wait_committed(topic)
    _check(pipeline, _by_id(*known))
    _wait_ready(pipeline, worker)
    assert pipeline.database.chunk_results.count_documents({}) == 0


def test_topics_that_are_deleted_and_made_again_stop_a_worker_that_reads_them(pipeline: Pipeline) -> None:
    worker = pipeline.start_worker()
    _posts(pipeline, "Old", 30)
    pipeline.wait_analyzed(30)
    client, name = admin_client(pipeline.settings.kafka), pipeline.topic(POSTS)
    client.delete_topics([name])[name].result(10)
    _wait_said(pipeline, worker, "posts.v1: the topic does not exist", "postpulse topics apply")
    made = NewTopic(name, num_partitions=3, replication_factor=1)
    client.create_topics([made])[name].result(10)
    _wait_said(pipeline, worker, "posts.v1: the topic was deleted and made again", "=continue")
    assert worker.poll() is None


def test_a_log_that_was_cut_at_its_end_is_remembered_until_somebody_goes_on(pipeline: Pipeline) -> None:
    known = [pipeline.post(f"Read number {n}.") for n in range(30)]
    _read(pipeline, *known)
    # As it looks after an election that lost records: the group is further than the log.
    ahead = [TopicPartition(end.topic, end.partition, end.offset + 5) for end in _ends(pipeline, POSTS)]
    _commit(pipeline, ahead)
    stopped = pipeline.start_worker()
    _wait_said(pipeline, stopped, *(f"posts.v1/{n}: the log ends at" for n in range(3)), "=continue")
    assert pipeline.stop(stopped) == 0
    # Beyond the position: it looks as if nothing had been.
    known += _posts(pipeline, "New", 90)
    stopped = pipeline.start_worker()
    _wait_said(pipeline, stopped, *(f"posts.v1/{n}: the log ends at" for n in range(3)))
    assert pipeline.stop(stopped) == 0
    assert pipeline.database.posts.count_documents({}) == 30

    going_on = pipeline.start_worker(**_CONTINUE)
    _check(pipeline, _by_id(*known))
    _wait_ready(pipeline, going_on)
