"""What the README promises, as its reader would try it: the two calls as printed, a file of posts, a novel."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from postpulse.collections import COUNTER_DELTAS
from postpulse.counting.dimensions import AUTHOR
from postpulse.counting.rows import counter_rows
from postpulse.embedded.data_dir import read_state
from postpulse.embedded.processes import kill_group
from postpulse.settings import Settings
from stream_processors import analysis
from tests.e2e.stack import Up, run_cli
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
_README = Path(__file__).resolve().parents[2] / "README.md"


def _readme_calls() -> list[str]:
    calls = re.findall(r"```sh\n(curl .*?)```", _README.read_text(), re.DOTALL)
    assert len(calls) == 2
    return calls


def _run(call: str, **variables: str) -> dict[str, Any]:
    answer = subprocess.run(
        ["/bin/sh", "-c", call], env={**os.environ, **variables}, capture_output=True, timeout=60, check=True
    )
    decoded: dict[str, Any] = json.loads(answer.stdout)
    return decoded


def test_the_two_calls_of_the_readme(up: Callable[..., Up]) -> None:
    stack = up(ports=(5000,)).wait_until_ready()
    # As they are printed, but for the port where another program has 5000.
    send, read = (call.replace(":5000/", f":{stack.port}/") for call in _readme_calls())
    accepted = _run(send)
    assert accepted["status"] == "accepted"
    found = _run(read, POST_ID=accepted["post_id"])
    promised = re.findall(r"```json\n(\{.*?\})\n```", _README.read_text(), re.DOTALL)[1]
    expected = json.loads(promised.replace(', "...": "..."', ""))
    assert found | {**expected, "post_id": accepted["post_id"]} == found
    listed = _run(f"curl -s 'http://127.0.0.1:{stack.port}/api/v1/posts/?text=faust'")
    assert [post["post_id"] for post in listed["posts"]] == [accepted["post_id"]]


def test_a_file_of_posts_and_a_novel_with_the_worker_killed_in_the_middle(
    up: Callable[..., Up], tmp_path: Path, tweets: list[str], novel: str
) -> None:
    authors = [f"author {number % 10}" for number in range(len(tweets))]
    file = tmp_path / "tweets.ndjson"
    file.write_text(
        "".join(
            json.dumps({"content": text, "author": author}) + "\n"
            for text, author in zip(tweets, authors, strict=True)
        )
    )
    stack = up(POSTPULSE_WORKER_BATCH_MAX_RECORDS="25").wait_until_ready()
    state = read_state(stack.data_dir)
    assert state is not None
    with MongoClient[dict[str, Any]](state.environment["POSTPULSE_MONGO_URI"], tz_aware=True) as client:
        database = client[Settings().mongo.database]

        def analyzed() -> int:
            return database.posts.count_documents({"state": "analyzed"})

        novel_id = stack.post(novel)
        where = ("--data-dir", str(stack.data_dir), "--ids", str(tmp_path / "ids"), "--json")
        with ThreadPoolExecutor() as pool:
            loading = pool.submit(run_cli, "load", str(file), *where)
            wait_until("the first posts", lambda: analyzed() > 500)
            kill_group(stack.processes()["worker-1"].pid)
            assert analyzed() < len(tweets), "too fast to be killed in the middle"
            loaded = loading.result()
        assert loaded.returncode == 0, loaded.stderr
        assert json.loads(loaded.stdout)["accepted"] == len(tweets)
        ids = (tmp_path / "ids").read_text().split()
        assert len(set(ids)) == len(tweets)
        wait_until("every post", lambda: analyzed() == len(tweets) + 1, 60, lambda: stack.said)
        assert "worker-1 was ended by SIGKILL" in stack.said

        whole = analysis.analyze(novel)
        found = stack.analysis(novel_id)
        assert found["chunks"] > 20
        assert {name: found[name] for name in whole} == whole

        own = [analysis.analyze(text)["num_of_words"] for text in tweets]
        stored = {row["_id"]: row["analysis"] for row in database.posts.find({}, {"analysis": 1})}
        assert [stored[post_id]["num_of_words"] for post_id in ids] == own
        words = Counter[str]()
        for author, count in zip(authors, own, strict=True):
            words[author] += count
        counted = Counter[str]()
        for row in database.counters.aggregate(counter_rows(COUNTER_DELTAS.name, AUTHOR)):
            counted[row["value"]] += row["words"]
        assert counted == words
        volume = database.counters.find({"dimension": "volume"})
        assert sum(row["posts"] for row in volume) == len(tweets) + 1
