"""A new generation from the log, under live posts and kills: queries switch to it, and nothing is missing in it."""

from collections import Counter

import msgspec
import pytest

from postpulse import events
from postpulse.collections import COUNTER_DELTAS, COUNTERS
from postpulse.counting.dimensions import DIMENSIONS
from postpulse.counting.rows import counter_rows
from postpulse.dead_letters import redrive_headers
from postpulse.events import Origin, Post
from postpulse.topics import POST_ANALYSES, POSTS
from stream_processors import analysis
from tests.integration.pipeline.asked import ask, effects, find, wait_over
from tests.pipeline import Document, Pipeline

#: What an analysis sets that is not of the text.
_OF_THE_MOMENT = ("analyzed_at", "analysis_us", "chunks")
_LONG = "Nine words are what this one sentence of mine has. " * 800


def generations(pipeline: Pipeline) -> dict[int, str]:
    state = pipeline.database.generations.find_one({"_id": "state"}) or {"generations": []}
    return {each["number"]: each["status"] for each in state["generations"]}


def contents(pipeline: Pipeline, generation: int) -> dict[str, Document]:
    """What a generation says of every post that is not deleted."""
    posts = pipeline.database["posts" if generation == 1 else f"posts.g{generation}"]
    return {
        post.pop("_id"): {name: value for name, value in post.items() if name not in _OF_THE_MOMENT}
        for post in posts.find({"state": {"$ne": "deleted"}})
    }


def counted(pipeline: Pipeline, generation: int) -> Counter[tuple[str, ...]]:
    """Sums over lanes; (dimension, bucket, value, name) -> amount, those that are zero left out."""
    counters = pipeline.database[COUNTERS.name_in(generation)]
    deltas = COUNTER_DELTAS.name_in(generation)
    sums = Counter[tuple[str, ...]]()
    for dimension in DIMENSIONS:
        for row in counters.aggregate(counter_rows(deltas, dimension)):
            for name, amount in row.items():
                if isinstance(amount, int):
                    sums[dimension.name, str(row["bucket"]), row["value"], name] += amount
    return Counter({key: amount for key, amount in sums.items() if amount})


@pytest.fixture
def posts(pipeline: Pipeline) -> list[Post]:
    """Posts of every fate: edited, deleted, edited and then redriven as they were first, long, and unreadable."""
    pipeline.start_worker(POSTPULSE_REPLAY_MAX_SHARE="1")
    made = [pipeline.post(f"Post number {n} says hello.", author="ada") for n in range(30)]
    made.append(pipeline.post(_LONG, author="bob"))
    pipeline.send(*made)
    pipeline.wait_analyzed(len(made))
    pipeline.delete(made[0].post_id)
    pipeline.send(msgspec.structs.replace(made[1], content="just two"))
    redrive(pipeline, made[1])
    redrive(pipeline, made[0])
    pipeline.send_raw(POSTS, pipeline.ids.mint().encode(), b"no post")
    pipeline.send_raw(POSTS, made[2].post_id.encode(), b"no post")
    pipeline.flush()
    pipeline.wait_committed(POSTS)
    return made


def redrive(pipeline: Pipeline, post: Post) -> None:
    """The first record of a post once more, as a redrive sends it."""
    found = pipeline.database.posts.find_one({"_id": post.post_id})
    assert found is not None
    first = Origin(topic=pipeline.topic(POSTS), partition=found["partition"], offset=0, timestamp=0)
    headers = redrive_headers([], first, 2, [])
    pipeline.send_raw(POSTS, post.post_id.encode(), events.encode(post), headers=headers)
    pipeline.flush()


def test_it_holds_the_same_under_live_posts_and_the_death_of_its_driver(
    pipeline: Pipeline, posts: list[Post]
) -> None:
    pipeline.start_worker(POSTPULSE_REPLAY_MAX_SHARE="1")
    pipeline.wait_members(2)
    pipeline.wait_for("the long post", lambda: pipeline.find(posts[-1].post_id) or {})
    replay = ask(pipeline, rate=15, rebuild=True)
    pipeline.wait_for("the first ones", lambda: effects(pipeline, replay)["changed"] > 3)
    assert generations(pipeline) == {1: "current", 2: "building"}
    (driver,) = (
        worker
        for worker in pipeline.workers
        if f"-{worker.pid}-" in pipeline.database.leases.find_one({"_id": "replays"})["owner"]
    )
    live = [pipeline.post("Sent meanwhile."), pipeline.post(_LONG), pipeline.post("And gone.")]
    pipeline.send(*live)
    pipeline.kill(driver)
    # Edits and deletes of what the fill has read by now, and of what it has not.
    for post in (posts[5], posts[25]):
        pipeline.delete(post.post_id)
    for post in (posts[6], posts[26]):
        pipeline.send(msgspec.structs.replace(post, content="Now it says something else."))
    pipeline.delete(live[2].post_id)
    told = len(pipeline.read_all(POST_ANALYSES))

    done = wait_over(pipeline, replay)
    assert done["generation"] == 2
    assert generations(pipeline) == {1: "kept", 2: "current"}
    pipeline.wait_committed(POSTS)
    pipeline.wait_for(
        "the long ones", lambda: not pipeline.database.posts.count_documents({"state": "analyzing"})
    )
    assert contents(pipeline, 2) == contents(pipeline, 1)
    assert contents(pipeline, 2)[posts[1].post_id]["content"] == "just two"
    assert counted(pipeline, 2) == counted(pipeline, 1)
    gone = {posts[0].post_id, posts[5].post_id, posts[25].post_id, live[2].post_id}
    assert not gone & contents(pipeline, 2).keys()
    # Nothing is told of what the fill wrote: only of the live posts, edits and deletes.
    assert len(pipeline.read_all(POST_ANALYSES)) - told <= 2 * (len(live) + 5)

    after = pipeline.post("Sent afterwards.")
    pipeline.send(after)
    pipeline.wait_state(after.post_id, "analyzed")
    assert contents(pipeline, 2) == contents(pipeline, 1)
    pipeline.database.generations.update_one(
        {"_id": "state", "generations.number": 1},
        {"$set": {"generations.$.status": "dropping", "generations.$.drop_at": done["ended_at"]}},
    )
    pipeline.wait_for("the old one to be dropped", lambda: generations(pipeline) == {2: "current"})
    assert not {"posts", "counters", "chunk_results"} & set(pipeline.database.list_collection_names())


def test_a_better_analysis_builds_what_it_finds(pipeline: Pipeline, posts: list[Post]) -> None:
    # As an older version left them: with another analysis, and one post that it could not take.
    pipeline.database.posts.update_many(
        {"state": "analyzed"}, {"$set": {"analysis_version": 1, "analysis.num_of_words": 7}}
    )
    wait_over(pipeline, ask(pipeline, rebuild=True))
    assert generations(pipeline) == {1: "kept", 2: "current"}
    held = contents(pipeline, 2)
    assert held[posts[-1].post_id]["analysis"] == analysis.analyze(_LONG)
    assert {each["analysis_version"] for each in held.values() if each["state"] == "analyzed"} == {
        analysis.ANALYSIS_VERSION
    }
    # In place after that, both are looked after.
    following = ask(pipeline)
    wait_over(pipeline, following)
    assert effects(pipeline, following)["changed"] == 0


def test_a_cancelled_one_leaves_nothing(pipeline: Pipeline, posts: list[Post]) -> None:
    replay = ask(pipeline, rate=5, rebuild=True)
    pipeline.wait_for("the first ones", lambda: effects(pipeline, replay)["changed"] > 0)
    pipeline.database.replays.update_one({"_id": replay}, {"$set": {"state": "cancelled"}})
    pipeline.wait_for("it to be let go", lambda: generations(pipeline) == {1: "current", 2: "dropping"})
    following = ask(pipeline, rebuild=True)
    wait_over(pipeline, following)
    assert find(pipeline, following)["generation"] == 3
    assert counted(pipeline, 3) == counted(pipeline, 1)


def test_one_that_is_dropped_meanwhile_ends_its_replay(pipeline: Pipeline, posts: list[Post]) -> None:
    replay = ask(pipeline, rate=5, rebuild=True)
    pipeline.wait_for("the first ones", lambda: effects(pipeline, replay)["changed"] > 0)
    pipeline.database.generations.update_one(
        {"_id": "state", "generations.number": 2}, {"$set": {"generations.$.status": "dropping"}}
    )
    failed = wait_over(pipeline, replay, "failed")
    assert "generation 2 is not written any more" in failed["reason"]
    wait_over(pipeline, ask(pipeline))
