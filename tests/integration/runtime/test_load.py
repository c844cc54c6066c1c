"""A worker under load: its event loop stays free and its memory small."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from postpulse.events import Post
from postpulse.topics import POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS
from stream_processors import analysis
from tests.pipeline import Pipeline, variables_of

_ROOT = Path(__file__).resolve().parents[3]
_BACKLOG = 20_000
_LAG_SECONDS = 0.05
#: It takes 145 MiB; a little more is read ahead where it seldom gets to run.
_MEMORY_BYTES = 180 * 1024 * 1024


@pytest.fixture
def watched(pipeline: Pipeline, tmp_path: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A worker that writes down what blocks its loop for long, and the file that it writes it to."""
    report = tmp_path / "blocks.jsonl"
    report.touch()
    with (tmp_path / f"worker-{len(pipeline.workers)}.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.runtime.probe", str(report)],
            cwd=_ROOT,
            env=variables_of(pipeline.settings),
            stdout=log,
            stderr=log,
        )
    pipeline.workers.append(worker)
    return worker, report


@pytest.fixture
def backlog(pipeline: Pipeline, tweets: list[str], novel: str) -> list[Post]:
    """Tweets again and again, and a novel of 0.7 MB among them."""
    posts = [
        pipeline.post(tweets[n % len(tweets)], author=f"author {n % 100}", lang="en") for n in range(_BACKLOG)
    ]
    posts.insert(_BACKLOG // 2, pipeline.post(novel, author="Jane Austen"))
    return posts


def _work_off(pipeline: Pipeline, backlog: list[Post]) -> None:
    pipeline.wait_analyzed(len(backlog), 120)
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)


def test_the_event_loop_stays_free(
    pipeline: Pipeline, backlog: list[Post], watched: tuple[subprocess.Popen[bytes], Path]
) -> None:
    """From the first record on: what a worker does before it is a member of its group is not measured."""
    worker, report = watched
    pipeline.wait_members(1)
    began = time.time()
    pipeline.send(*backlog)
    _work_off(pipeline, backlog)
    ended = time.time()
    assert pipeline.stop(worker) == 0
    blocks = [json.loads(line) for line in report.read_text().splitlines()]
    # Importing and wiring alone take longer: the watch does see.
    assert blocks
    under_load = [block for block in blocks if began <= block["at"] <= ended]
    longest = max(under_load, key=lambda block: block["seconds"], default={"seconds": 0.0})
    assert longest["seconds"] < _LAG_SECONDS, longest
    long = pipeline.find(backlog[_BACKLOG // 2].post_id)
    assert long is not None
    assert long["analysis"] == analysis.analyze(long["content"])


def test_a_backlog_takes_little_memory(pipeline: Pipeline, backlog: list[Post]) -> None:
    pipeline.send(*backlog)
    worker = pipeline.start_worker()
    _work_off(pipeline, backlog)
    assert psutil.Process(worker.pid).memory_info().rss < _MEMORY_BYTES
    assert pipeline.counters("volume")[""]["posts"] == len(backlog)
