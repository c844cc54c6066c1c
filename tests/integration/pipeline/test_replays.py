"""Parts of the log looked at again, in place: documents and counters move by the difference, or not at all."""

import msgspec
import pytest

from postpulse import events
from postpulse.events import DeadLetter, Post
from postpulse.topics import DEAD_LETTERS, POST_ANALYSES, POSTS, POSTS_REPLAY
from stream_processors import analysis
from tests.integration.pipeline.asked import ask, effects, find, wait_over
from tests.pipeline import Document, Pipeline

#: What an older version of the analysis might have found.
_OLD_WORDS = 1000


def make_old(pipeline: Pipeline, *posts: Post) -> None:
    """Documents and counters as an older version of the analysis left them."""
    for post in posts:
        document = pipeline.wait_state(post.post_id, "analyzed")
        more = _OLD_WORDS - document["analysis"]["num_of_words"]
        pipeline.database.posts.update_one(
            {"_id": post.post_id}, {"$set": {"analysis_version": 1, "analysis.num_of_words": _OLD_WORDS}}
        )
        lane = f"posts.v1/{document['partition']}"
        pipeline.database.counters.update_one(
            {"lane": lane, "dimension": "volume"}, {"$inc": {"words": more}}
        )
        hour = document["created_at"].replace(minute=0, second=0, microsecond=0)
        pipeline.database.counter_deltas.insert_one(
            {"lane": lane, "bucket": hour, "author": [{"value": document["author"], "words": more}]}
        )


def analyzed(pipeline: Pipeline, *posts: Post) -> None:
    pipeline.send(*posts)
    pipeline.wait_analyzed(len(posts))
    pipeline.wait_committed(POSTS)


def words(*posts: Post) -> int:
    return sum(analysis.analyze(post.content)["num_of_words"] for post in posts)


@pytest.fixture
def posts(pipeline: Pipeline) -> list[Post]:
    """Thirty posts and a long one, all by one author, analyzed by a worker that runs."""
    made = [pipeline.post(f"Post number {n} says hello.", author="ada") for n in range(30)]
    made.append(pipeline.post("Nine words are what this one sentence of mine has. " * 800, author="ada"))
    pipeline.start_worker(POSTPULSE_REPLAY_MAX_SHARE="1")
    analyzed(pipeline, *made)
    return made


def test_a_newer_analysis_corrects_documents_and_counters_by_the_difference(
    pipeline: Pipeline, posts: list[Post]
) -> None:
    make_old(pipeline, *posts)
    assert pipeline.counters("volume")[""]["words"] == _OLD_WORDS * len(posts)
    replay = ask(pipeline)
    done = wait_over(pipeline, replay)
    assert done["copied"] == len(posts)
    assert effects(pipeline, replay) == {
        "looked_at": len(posts),
        "changed": len(posts),
        "unchanged": 0,
        "failed": 0,
    }
    assert pipeline.counters("volume")[""]["words"] == words(*posts)
    ada = pipeline.counters("author")["ada"]
    assert (ada["posts"], ada["words"]) == (len(posts), words(*posts))
    told = pipeline.current_results()
    for post in posts:
        document = pipeline.find(post.post_id)
        assert document is not None
        assert document["analysis"] == analysis.analyze(post.content)
        assert document["content"] == post.content
        result = told[post.post_id]
        assert result is not None
        assert (result["revision"], result["metrics"]) == (document["offset"], document["analysis"])


def test_with_nothing_to_do_nothing_is_done(pipeline: Pipeline, posts: list[Post]) -> None:
    def state() -> list[list[Document]]:
        return [
            list(pipeline.database[name].find().sort("_id"))
            for name in ("posts", "counters", "chunk_results")
        ]

    pipeline.wait_for("all is told", lambda: len(pipeline.read_all(POST_ANALYSES)) >= len(posts))
    before, told = state(), len(pipeline.read_all(POST_ANALYSES))
    replay = ask(pipeline)
    wait_over(pipeline, replay)
    assert effects(pipeline, replay)["unchanged"] == len(posts)
    assert state() == before
    assert len(pipeline.read_all(POST_ANALYSES)) == told


def test_what_is_deleted_or_edited_since_stays_so(pipeline: Pipeline, posts: list[Post]) -> None:
    deleted, edited, newest = posts[0], posts[1], msgspec.structs.replace(posts[1], content="just two")
    pipeline.delete(deleted.post_id)
    pipeline.send(newest)
    pipeline.wait_state(deleted.post_id, "deleted")
    pipeline.wait_for("the edit", lambda: (pipeline.find(edited.post_id) or {}).get("content") == "just two")
    pipeline.wait_committed(POSTS)
    replay = ask(pipeline)
    # Both records of the edited post are still there, and that of the deleted one; its tombstone is not copied.
    assert wait_over(pipeline, replay)["copied"] == len(posts) + 1
    assert effects(pipeline, replay)["changed"] == 0
    assert (pipeline.find(deleted.post_id) or {})["state"] == "deleted"
    assert (pipeline.find(edited.post_id) or {})["content"] == "just two"
    assert pipeline.counters("volume")[""] == {
        "posts": len(posts) - 1,
        "words": words(newest, *posts[2:]),
        "characters": sum(len(post.content) for post in (newest, *posts[2:])),
    }
    assert pipeline.current_results()[deleted.post_id] is None


def test_by_time_offsets_and_places_no_more_than_asked_for(pipeline: Pipeline, posts: list[Post]) -> None:
    make_old(pipeline, *posts)
    some = [pipeline.find(post.post_id) or {} for post in posts[:3]]
    places: dict[str, list[int]] = {}
    for document in some:
        places.setdefault(str(document["partition"]), []).append(document["offset"])
    replay = ask(pipeline, {"post_ids": 3}, places={p: sorted(found) for p, found in places.items()})
    assert wait_over(pipeline, replay)["copied"] == 3
    assert effects(pipeline, replay)["changed"] == 3

    replay = ask(pipeline, {"offsets": {"0": [1, 3], "1": [10**6, 10**7]}})
    assert [span["partition"] for span in wait_over(pipeline, replay)["spans"]] == [0]
    assert effects(pipeline, replay)["looked_at"] == 2

    now = find(pipeline, replay)["ended_at"]
    assert wait_over(pipeline, ask(pipeline, {"from": now}))["spans"] == []
    replay = ask(pipeline, {"until": now})
    wait_over(pipeline, replay)
    assert effects(pipeline, replay)["looked_at"] == len(posts)
    assert pipeline.counters("volume")[""]["words"] == words(*posts)


def test_two_at_once_run_one_after_the_other(pipeline: Pipeline, posts: list[Post]) -> None:
    make_old(pipeline, *posts)
    first, second = ask(pipeline), ask(pipeline)
    wait_over(pipeline, second)
    before, after = find(pipeline, first), find(pipeline, second)
    assert before["state"] == "done"
    assert before["ended_at"] <= after["started_at"]
    assert effects(pipeline, first)["changed"] == len(posts)
    assert effects(pipeline, second)["unchanged"] == len(posts)


def test_a_cancelled_one_stops_and_the_next_one_runs(pipeline: Pipeline, posts: list[Post]) -> None:
    slow = ask(pipeline, rate=5)
    pipeline.wait_for("the first ones", lambda: effects(pipeline, slow)["looked_at"] > 0)
    pipeline.database.replays.update_one({"_id": slow}, {"$set": {"state": "cancelled"}})
    # Of those that wait, the next one starts: within a second, so soon it has stopped.
    following = ask(pipeline)
    pipeline.wait_for("the next one", lambda: find(pipeline, following)["state"] != "waiting", seconds=1)
    wait_over(pipeline, following)
    assert find(pipeline, slow)["state"] == "cancelled"
    assert find(pipeline, slow)["copied"] < len(posts)
    assert effects(pipeline, following)["looked_at"] == len(posts)


def test_garbage_goes_to_the_dead_letters_and_touches_no_post(pipeline: Pipeline, posts: list[Post]) -> None:
    good = posts[0]
    pipeline.send_raw(POSTS_REPLAY, good.post_id.encode(), events.encode(good))
    headers: list[tuple[str, bytes]] = [("replay-id", b"x"), ("replayed-from", b"0/x")]
    pipeline.send_raw(POSTS_REPLAY, good.post_id.encode(), events.encode(good), headers=headers)
    headers = [("replay-id", b"x"), ("replayed-from", b"0/99")]
    pipeline.send_raw(POSTS_REPLAY, good.post_id.encode(), b"\xff", headers=headers)
    pipeline.send_raw(POSTS_REPLAY, None, None, headers=headers)
    pipeline.flush()
    pipeline.wait_committed(POSTS_REPLAY)
    letters = [events.decode(DeadLetter, value or b"") for _, value in pipeline.read_all(DEAD_LETTERS)]
    assert {letter.stage for letter in letters} == {"replay"}
    assert len(letters) == 4
    assert effects(pipeline, "x") == {"looked_at": 3, "changed": 0, "unchanged": 0, "failed": 3}
    assert (pipeline.find(good.post_id) or {})["state"] == "analyzed"
    replay = ask(pipeline)
    wait_over(pipeline, replay)
    assert effects(pipeline, replay)["unchanged"] == len(posts)


def test_a_record_that_cannot_be_read_is_one_letter_however_often_it_is_read(
    pipeline: Pipeline, posts: list[Post]
) -> None:
    key = pipeline.ids.mint().encode()
    pipeline.send_raw(POSTS, key, b"no post", headers=[("source", b"test")])
    pipeline.flush()
    before = pipeline.wait_for("the letter", lambda: pipeline.database.dead_letters.find_one())
    replay = ask(pipeline)
    wait_over(pipeline, replay)
    assert effects(pipeline, replay)["failed"] == 1

    pipeline.wait_committed(DEAD_LETTERS)
    (letter,) = pipeline.database.dead_letters.find()
    assert (letter["_id"], letter["stage"]) == (before["_id"], "replay")
    assert letter["headers"] == before["headers"]


def test_who_drives_is_killed_and_another_goes_on(pipeline: Pipeline, posts: list[Post]) -> None:
    make_old(pipeline, *posts)
    pipeline.start_worker()
    pipeline.wait_members(2)
    replay = ask(pipeline, rate=10)
    pipeline.wait_for("the first ones", lambda: effects(pipeline, replay)["changed"] > 3)
    lease = pipeline.database.leases.find_one({"_id": "replays"})
    assert lease is not None
    (driver,) = (worker for worker in pipeline.workers if f"-{worker.pid}-" in lease["owner"])
    pipeline.kill(driver)
    wait_over(pipeline, replay)
    counted = effects(pipeline, replay)
    # What was copied and not noted is copied again, and changes nothing then.
    assert counted["changed"] == len(posts)
    assert counted["failed"] == 0
    assert pipeline.counters("volume")[""]["words"] == words(*posts)
    assert pipeline.counters("volume")[""]["posts"] == len(posts)


def test_what_an_older_version_counted_is_counted_anew(pipeline: Pipeline, posts: list[Post]) -> None:
    first, *others = posts
    assert pipeline.counters("detected_language")["en"]["posts"] == len(posts)
    # As a version that knew no more than these left them.
    pipeline.database.posts.update_many({"_id": {"$ne": first.post_id}}, {"$unset": {"counters_version": ""}})
    pipeline.database.counters.delete_many({"dimension": {"$nin": ["volume", "author", "language"]}})
    done = wait_over(pipeline, replay := ask(pipeline))
    assert done["copied"] == len(posts)
    assert effects(pipeline, replay)["changed"] == len(others)
    assert (
        pipeline.counters("volume")[""]["posts"] == pipeline.counters("author")["ada"]["posts"] == len(posts)
    )
    # But for the one that was taken for counted already.
    assert pipeline.counters("detected_language")["en"]["posts"] == len(others)
