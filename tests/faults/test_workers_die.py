"""Workers killed in the middle of real traffic: every post analyzed, none counted twice."""

import itertools
from collections import Counter
from collections.abc import Callable

import pytest

from postpulse.events import Post
from postpulse.topics import POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS
from stream_processors import analysis
from tests.pipeline import Pipeline

#: Small batches, so that a kill falls between many of them, and a short session, so that partitions move soon.
_FINE = {
    "POSTPULSE_WORKER_BATCH_MAX_RECORDS": "25",
    "POSTPULSE_WORKER_SESSION_TIMEOUT_SECONDS": "6",
    "POSTPULSE_WORKER_CHUNK_CHARS": "4096",
}


@pytest.fixture
def posts(pipeline: Pipeline, tweets: list[str], novel: str) -> list[Post]:
    """4,200 tweets by ten authors, and a novel of 0.7 MB among them."""
    made = [pipeline.post(text, author=f"author {n % 10}") for n, text in enumerate(tweets)]
    made.insert(2000, pipeline.post(novel, author="Jane Austen"))
    return made


def _check(pipeline: Pipeline, posts: list[Post]) -> None:
    """Everything analyzed once, and the counters equal to a count of our own."""
    pipeline.wait_analyzed(len(posts))
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)
    stored = {row["_id"]: row for row in pipeline.database.posts.find({}, {"content": 0})}
    assert stored.keys() == {post.post_id for post in posts}
    words: Counter[str] = Counter()
    characters = 0
    for post in posts:
        expected = analysis.analyze(post.content)
        assert stored[post.post_id]["analysis"] == expected
        words[post.author or ""] += expected["num_of_words"]
        characters += expected["num_of_characters"]
    assert pipeline.counters("volume")[""] == {
        "posts": len(posts),
        "words": words.total(),
        "characters": characters,
    }
    by_author = pipeline.counters("author")
    assert {author: row["words"] for author, row in by_author.items()} == words
    assert pipeline.database.chunk_results.count_documents({}) == 0
    told = pipeline.current_results()
    assert told.keys() == stored.keys()
    assert all(
        result is not None and result["metrics"] == stored[key]["analysis"] for key, result in told.items()
    )


def _reached(pipeline: Pipeline, count: int) -> Callable[[], bool]:
    return lambda: pipeline.database.posts.count_documents({"state": "analyzed"}) >= count


def test_a_worker_killed_again_and_again(pipeline: Pipeline, posts: list[Post]) -> None:
    pipeline.send(*posts)
    for count in (300, 1500, 2600):
        worker = pipeline.start_worker(**_FINE)
        pipeline.wait_for(f"{count} posts", _reached(pipeline, count))
        assert not _reached(pipeline, len(posts))(), "too fast to be killed in the middle"
        pipeline.kill(worker)
    pipeline.start_worker(**_FINE)
    _check(pipeline, posts)


def test_partitions_of_a_killed_worker_move_to_the_other(pipeline: Pipeline, posts: list[Post]) -> None:
    first = pipeline.start_worker(**_FINE)
    pipeline.start_worker(**_FINE)
    pipeline.wait_members(2)
    half = len(posts) // 2
    pipeline.send(*posts[:half])
    pipeline.wait_for("both at work", _reached(pipeline, half // 3))
    pipeline.kill(first)
    pipeline.send(*posts[half:])
    _check(pipeline, posts)


def test_every_record_twice_out_of_order_and_a_rebalance_between(
    pipeline: Pipeline, posts: list[Post]
) -> None:
    few = posts[1900:2100]
    pipeline.start_worker(**_FINE)
    pipeline.send(*itertools.chain.from_iterable((post, post) for post in few))
    pipeline.wait_for("the first ones", _reached(pipeline, 50))
    second = pipeline.start_worker(**_FINE)
    pipeline.send(*reversed(few))
    pipeline.wait_members(2)
    pipeline.wait_analyzed(len(few))
    assert pipeline.stop(second) == 0
    pipeline.send(*few)
    _check(pipeline, few)
