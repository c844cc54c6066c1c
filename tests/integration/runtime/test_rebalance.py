"""Partitions that move while a batch of theirs is under way: nothing lost, nothing twice, nothing half.

A transaction of the test's own holds a post that is in the batch: until it ends, the worker's transaction conflicts
with it and tries again, so that the batch stays in the middle of its work for as long as the test wants.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import ConsumerGroupState

from postpulse.events import Post
from postpulse.kafka.admin import admin_client
from postpulse.topics import POST_ANALYSES, POSTS, group_name
from stream_processors import analysis
from tests.pipeline import Pipeline

_UNFINISHED = "partitions leave with batches unfinished"


@contextmanager
def _held(pipeline: Pipeline, post: Post) -> Iterator[None]:
    """Nobody can write this post's document within the block."""
    with pipeline.mongo.start_session() as session:
        session.start_transaction()
        pipeline.database.posts.insert_one({"_id": post.post_id, "offset": -1}, session=session)
        yield
        session.abort_transaction()


def _wait_rebalancing(pipeline: Pipeline) -> None:
    group = group_name(pipeline.settings.worker.group, pipeline.settings.kafka)
    client = admin_client(pipeline.settings.kafka)

    def rebalancing() -> bool:
        described = client.describe_consumer_groups([group])[group].result(10)
        return bool(described.state == ConsumerGroupState.PREPARING_REBALANCING)

    pipeline.wait_for("a rebalance", rebalancing)


def _check(pipeline: Pipeline, posts: list[Post]) -> None:
    pipeline.wait_analyzed(len(posts))
    pipeline.wait_committed(POSTS)
    assert pipeline.database.posts.count_documents({}) == len(posts)
    expected = [analysis.analyze(post.content) for post in posts]
    assert pipeline.counters("volume")[""] == {
        "posts": len(posts),
        "words": sum(metrics["num_of_words"] for metrics in expected),
        "characters": sum(metrics["num_of_characters"] for metrics in expected),
    }
    assert pipeline.current_results().keys() == {post.post_id for post in posts}


def _under_way(pipeline: Pipeline, held: Post, posts: list[Post]) -> None:
    """Wait until all is done but the batch with the held post, of which nothing is."""
    others = {post.post_id for post in posts} - {held.post_id}

    def reached() -> bool:
        found = {row["_id"] for row in pipeline.database.posts.find({}, {"_id": 1})}
        assert held.post_id not in found
        # Of three partitions, two.
        return len(found & others) > len(posts) / 2

    pipeline.wait_for("the other partitions to be done", reached)


def test_a_batch_that_is_not_finished_in_time_moves_whole(pipeline: Pipeline) -> None:
    posts = [pipeline.post(f"Number {n} has a few words.") for n in range(300)]
    pipeline.send(*posts)
    with _held(pipeline, posts[150]):
        first = pipeline.start_worker(POSTPULSE_WORKER_REBALANCE_GRACE_SECONDS="0.5")
        _under_way(pipeline, posts[150], posts)
        pipeline.start_worker(POSTPULSE_WORKER_REBALANCE_GRACE_SECONDS="0.5")
        pipeline.wait_for("the partitions to go", lambda: _UNFINISHED in pipeline.log_of(first))
        pipeline.wait_members(2)
        assert pipeline.find(posts[150].post_id) is None
    _check(pipeline, posts)
    # Both go on, also the one that had its batch taken away.
    more = [pipeline.post(f"Later number {n}.") for n in range(100)]
    pipeline.send(*more)
    _check(pipeline, posts + more)


def test_a_batch_that_is_finished_in_time_is_not_done_again(pipeline: Pipeline) -> None:
    posts = [pipeline.post(f"Number {n} has a few words.") for n in range(300)]
    pipeline.send(*posts)
    with _held(pipeline, posts[150]):
        first = pipeline.start_worker(POSTPULSE_WORKER_REBALANCE_GRACE_SECONDS="30")
        _under_way(pipeline, posts[150], posts)
        pipeline.start_worker()
        _wait_rebalancing(pipeline)
    pipeline.wait_members(2)
    _check(pipeline, posts)
    assert _UNFINISHED not in pipeline.log_of(first)
    # Each told once: what was finished was committed before it went.
    assert len(pipeline.read_all(POST_ANALYSES)) == len(posts)
