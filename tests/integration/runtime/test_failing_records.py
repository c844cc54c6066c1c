"""Records that fail, kill or hang the worker, and deployments that fail them all: real workers, made to do harm."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postpulse import events
from postpulse.events import DeadLetter, Post
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS
from stream_processors import analysis
from tests.pipeline import Pipeline, variables_of

_ROOT = Path(__file__).resolve().parents[3]
_WORD = "Voldemort"
_CAREFUL = "a worker before this one did not leave"
#: One that nobody was prepared for, one in its batch, two of its own; and one for a batch cut elsewhere.
_MOST_DEATHS = 5
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(pipeline: Pipeline, tmp_path: Path) -> Start:
    """`start(how, POSTPULSE_…="…")`: a worker to which texts with the word do harm."""

    def started(how: str, **variables: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"worker-{len(pipeline.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.runtime.harm", how, _WORD],
                cwd=_ROOT,
                # As short a session as the broker takes, so that partitions move soon.
                env=variables_of(pipeline.settings)
                | {"POSTPULSE_WORKER_SESSION_TIMEOUT_SECONDS": "6"}
                | variables,
                stdout=log,
                stderr=log,
            )
        pipeline.workers.append(worker)
        return worker

    return started


def _posts(pipeline: Pipeline, count: int, bad: str) -> tuple[list[Post], Post]:
    """Good posts, and a bad one to go in their middle."""
    return [pipeline.post(f"Number {n} has a few words.") for n in range(count)], pipeline.post(bad)


def _send(pipeline: Pipeline, good: list[Post], bad: Post) -> None:
    middle = len(good) // 2
    pipeline.send(*good[:middle], bad, *good[middle:])


def _letters(pipeline: Pipeline) -> list[DeadLetter]:
    return [events.decode(DeadLetter, value or b"") for _, value in pipeline.read_all(DEAD_LETTERS)]


def _check(pipeline: Pipeline, good: list[Post]) -> None:
    """All of these analyzed, once, and told; nothing else counted."""
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)
    expected = [analysis.analyze(post.content) for post in good]
    assert pipeline.database.posts.count_documents({"state": "analyzed"}) == len(good)
    assert pipeline.counters("volume")[""] == {
        "posts": len(good),
        "words": sum(metrics["num_of_words"] for metrics in expected),
        "characters": sum(metrics["num_of_characters"] for metrics in expected),
    }
    assert pipeline.current_results().keys() == {post.post_id for post in good}


def _ready(pipeline: Pipeline, worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the worker's readiness says of its records."""
    records: dict[str, Any] = pipeline.ready(worker)["records"]
    return records


def test_one_record_that_fails_is_dead_lettered_alone(pipeline: Pipeline, start: Start) -> None:
    good, bad = _posts(pipeline, 300, f"The name is {_WORD}.")
    _send(pipeline, good, bad)
    worker = start("raise")
    dead = pipeline.wait_state(bad.post_id, "dead")
    pipeline.wait_analyzed(len(good))
    _check(pipeline, good)
    assert (dead["stage"], dead["reason"]) == ("ingest", "a text that cannot be analyzed")
    (letter,) = _letters(pipeline)
    assert (letter.key, letter.value) == (bad.post_id.encode(), events.encode(bad))
    assert (letter.stage, letter.error_class) == ("ingest", "ValueError")
    assert letter.reason == "a text that cannot be analyzed"
    assert f"analysis {analysis.ANALYSIS_VERSION}" in (letter.version or "")
    assert _ready(pipeline, worker)["status"] == "ok"
    # An edit of the same post without the word is a new record, and takes its place.
    pipeline.send(mended := pipeline.post("The name is Tom.", post_id=bad.post_id))
    pipeline.wait_state(bad.post_id, "analyzed")
    _check(pipeline, [*good, mended])


def test_a_deployment_that_fails_at_all_stops_and_its_repair_loses_nothing(
    pipeline: Pipeline, start: Start
) -> None:
    posts = [pipeline.post(f"{_WORD}, for the {n}th time.") for n in range(60)]
    pipeline.send(*posts)
    broken = start("raise", POSTPULSE_WORKER_MAX_FAILED_RUN="5")

    def stopped() -> bool:
        found = _ready(pipeline, broken)
        return found["status"] == "failing" and found["reason"].count("worker.max_failed_run allows 5") == 3

    pipeline.wait_for("all three partitions to stop", stopped)
    assert "a text that cannot be analyzed" in _ready(pipeline, broken)["reason"]
    assert pipeline.log_of(broken).count("partition stopped") == 3
    assert pipeline.stop(broken) == 0
    letters = _letters(pipeline)
    assert len(letters) == 5
    assert pipeline.database.posts.count_documents({}) == 5
    healthy = pipeline.start_worker()
    lost = {letter.key for letter in letters}
    rest = [post for post in posts if post.post_id.encode() not in lost]
    pipeline.wait_analyzed(len(rest))
    _check(pipeline, rest)
    assert _ready(pipeline, healthy)["status"] == "ok"
    assert _CAREFUL not in pipeline.log_of(healthy)


def _deaths_until(pipeline: Pipeline, begin: Callable[[], Any], reached: Callable[[], bool]) -> int:
    """Start workers, one after the other, until it is reached; how many have died for it."""
    for deaths in itertools.count():
        assert deaths <= _MOST_DEATHS
        worker = begin()
        pipeline.wait_for("death or success", lambda one=worker: one.poll() is not None or reached(), 90)
        if worker.poll() is None:
            return deaths
    raise AssertionError


def _done(pipeline: Pipeline, good: list[Post], bad: Post) -> Callable[[], bool]:
    def done() -> bool:
        analyzed = pipeline.database.posts.count_documents({"state": "analyzed"})
        return analyzed == len(good) and (pipeline.find(bad.post_id) or {}).get("state") == "dead"

    return done


def test_a_record_that_kills_the_process_is_found_over_restarts(pipeline: Pipeline, start: Start) -> None:
    good, bad = _posts(pipeline, 300, f"The name is {_WORD}.")
    _send(pipeline, good, bad)
    deaths = _deaths_until(pipeline, lambda: start("kill"), _done(pipeline, good, bad))
    assert deaths > pipeline.settings.worker.max_kills
    _check(pipeline, good)
    (letter,) = _letters(pipeline)
    assert (letter.key, letter.value) == (bad.post_id.encode(), events.encode(bad))
    assert letter.error_class == "ProcessKilledError"
    assert "ended the worker 2 times" in letter.reason


def test_a_chunk_that_hangs_is_found_and_its_post_waits_for_it_no_more(
    pipeline: Pipeline, start: Start
) -> None:
    """In a thread, where the event loop goes on, and in the stage that keeps nothing in MongoDB."""
    long = " ".join(f"Sentence number {n} of a long text.\n" for n in range(400))
    good, bad = _posts(pipeline, 100, f"{long}The name is {_WORD}.\n{long}")
    good.append(pipeline.post(long * 3))
    _send(pipeline, good, bad)

    def begin() -> subprocess.Popen[bytes]:
        return start("hang", POSTPULSE_WORKER_COMPUTE_SECONDS_LIMIT="1", POSTPULSE_WORKER_CHUNK_CHARS="4096")

    deaths = _deaths_until(pipeline, begin, _done(pipeline, good, bad))
    assert deaths >= pipeline.settings.worker.max_kills
    for worker in pipeline.workers[:-1]:
        assert worker.returncode == 1
        assert "ending the process" in pipeline.log_of(worker)
    _check(pipeline, good)
    dead = pipeline.wait_state(bad.post_id, "dead")
    assert (dead["stage"], "ended the worker 2 times" in dead["reason"]) == ("analyze", True)
    (letter,) = _letters(pipeline)
    assert (letter.stage, letter.error_class) == ("analyze", "ProcessKilledError")
    assert _WORD.encode() in (letter.value or b"")
    # Deleted, nothing of it is left: not even the partial results that were kept for a redrive.
    assert pipeline.database.chunk_results.count_documents({}) > 0
    pipeline.delete(bad.post_id)
    pipeline.wait_state(bad.post_id, "deleted")
    assert pipeline.database.chunk_results.count_documents({}) == 0


def test_leaving_in_the_middle_of_work_is_no_crash(pipeline: Pipeline) -> None:
    posts, held = _posts(pipeline, 100, "This one cannot be written for a while.")
    with pipeline.mongo.start_session() as session:
        session.start_transaction()
        pipeline.database.posts.insert_one({"_id": held.post_id, "offset": -1}, session=session)
        _send(pipeline, posts, held)
        first = pipeline.start_worker(POSTPULSE_WORKER_REBALANCE_GRACE_SECONDS="0.5")
        pipeline.wait_analyzed(len(posts) // 2)
        assert pipeline.lag(POSTS) > 0
        assert pipeline.stop(first) == 0
        session.abort_transaction()
    assert {guard["left"] for guard in pipeline.database.guards.find()} == {True}
    second = pipeline.start_worker()
    pipeline.wait_analyzed(len(posts) + 1)
    _check(pipeline, [*posts, held])
    assert _CAREFUL not in pipeline.log_of(second)
    # Killed, it is one; the next one is careful, and goes on as ever.
    pipeline.kill(second)
    more = [pipeline.post(f"Later number {n}.") for n in range(100)]
    pipeline.send(*more)
    third = pipeline.start_worker()
    pipeline.wait_analyzed(len(posts) + 1 + len(more))
    _check(pipeline, [*posts, held, *more])
    assert _CAREFUL in pipeline.log_of(third)
    assert pipeline.read_all(DEAD_LETTERS) == []
