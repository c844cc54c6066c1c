"""Questions over HTTP to 200,000 posts: this query API, with its cache and without, beside FastAPI + pymongo."""

import asyncio
import json
import random
import statistics
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil

from benchmarks.contest import Series, contest
from benchmarks.load import put_load
from benchmarks.query.fill import fill
from benchmarks.query.questions import SHARES, Questions
from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, peer_python, running, servers
from postpulse.embedded.ports import choose_port
from postpulse.kafka.admin import apply_topics
from postpulse.post_ids import PostIds
from postpulse.settings import IdsSettings, KafkaSettings, MongoSettings

_HERE = Path(__file__).parent
_POSTS = 200_000
_CONNECTIONS = 16
_WARM_UP_SECONDS = 0.5
#: Of one kind and contestant, all rounds together.
_MEASURED_SECONDS = 6.0
#: More than any of them answers in a round.
_QUESTIONS = 30_000
_COMPARED = 5
_DATABASE = "benchmark"
_OURS, _UNCACHED, _PEER = "postpulse", "without its cache", "FastAPI + pymongo"
_PINNED = "fastapi-pymongo"


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Run the comparison.

    Args:
        rounds: of every contestant and kind of question.
        say: told of the progress.
    """
    python = peer_python(_PINNED, _HERE / f"{_PINNED}.txt")
    key = token_hex(16)
    with servers() as (kafka, mongo), ExitStack() as stack:
        apply_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
        settings = MongoSettings.model_validate({"uri": mongo.uri, "database": _DATABASE})
        ids = PostIds.from_settings(IdsSettings.model_validate({"keys": key}))
        questions = Questions(asyncio.run(fill(settings, ids, _POSTS, say)))
        variables = {
            "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "POSTPULSE_MONGO_URI": mongo.uri,
            "POSTPULSE_MONGO_DATABASE": _DATABASE,
            "POSTPULSE_IDS_KEYS": key,
        }
        contestants = {
            _OURS: _Contestant.ours(stack, variables),
            _UNCACHED: _Contestant.ours(stack, {**variables, "POSTPULSE_CACHE_MAX_BYTES": "0"}),
            _PEER: _Contestant.peer(stack, python, {"MONGO_URI": mongo.uri, "DATABASE": _DATABASE}),
        }
        judge = _Judge(contestants, questions, rounds)
        say(f"{judge.agree()} answers are the same from all of them")
        reached = {kind: judge.contest(kind, say) for kind in (*SHARES, "mix")}
    return Result(
        name="query",
        title=f"Queries: {_POSTS:,} posts",
        question=(
            f"{_POSTS:,} analyzed posts of thirty days with their counters, one server process, {_CONNECTIONS} "
            "connections that each ask the next question when the last one is answered. Both ask the same "
            "collections with the same indexes, and their answers say the same, which is looked at first. Of the "
            "posts that are asked for one by one, four of five are among the thousand newest; a page has 20 posts "
            "by hashtag, author, language or of all; the rest is about the last 24 hours. The mix: "
            f"{', '.join(f'{share:.0%} {kind}' for kind, share in SHARES.items())}. Nothing is written meanwhile. "
            f"What several ask at the same moment postpulse reads once, also {_UNCACHED}. "
            f"Answers a second, median of {rounds} rounds of {_MEASURED_SECONDS / rounds:g} s after one of "
            f"warm-up; latencies are those of {_OURS}, medians of the rounds."
        ),
        columns=["answers/s", *(each.name for each in reached["mix"]), "ratio", "p50 ms", "p99 ms"],
        rows=[
            [
                kind,
                *(f"{each.median:,.0f}" for each in series),
                f"{series[0].median / series[2].median:.1f}",
                f"{judge.quantile(_OURS, kind, 'p50_ms'):.1f}",
                f"{judge.quantile(_OURS, kind, 'p99_ms'):.1f}",
            ]
            for kind, series in reached.items()
        ],
        verdict=_verdict(judge, reached),
        versions={"aiohttp": version("aiohttp"), **_pinned()},
    )


def _verdict(judge: "_Judge", reached: Mapping[str, list[Series]]) -> list[str]:
    ours, uncached, peer = (each.median for each in reached["mix"])
    p99s = {
        name: {kind: judge.quantile(name, kind, "p99_ms") for kind in reached} for name in (_OURS, _UNCACHED)
    }
    slowest, without = max(p99s[_OURS].values()), max(p99s[_UNCACHED].values())
    costs = ", ".join(f"{judge.cost(each.name, 'mix'):,.0f} µs ({each.name})" for each in reached["mix"])
    return [
        (
            f"Of the mix {_OURS} answers {ours / peer:.1f} times as many as {_PEER}; without its cache "
            f"{uncached / peer:.1f} times."
        ),
        f"The worst p99 of a kind is {slowest:.1f} ms; without the cache {without:.1f} ms.",
        f"A question of the mix costs its server, MongoDB not counted, {costs} of processor time.",
    ]


def _pinned() -> dict[str, str]:
    lines = (_HERE / f"{_PINNED}.txt").read_text().splitlines()
    return {package: number for package, _, number in (line.partition("==") for line in lines)}


class _Contestant:
    """A server that answers."""

    def __init__(
        self, stack: ExitStack, command: list[object], variables: Mapping[str, str], port: int, ready: str
    ) -> None:
        self.port = port
        log = f"query-{Path(str(command[2])).name}-{port}"
        self._process = psutil.Process(stack.enter_context(running(command, variables, log)).pid)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.get(ready)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @classmethod
    def ours(cls, stack: ExitStack, variables: Mapping[str, str]) -> "_Contestant":
        port = choose_port()
        command: list[object] = [OWN_PYTHON, "-m", "postpulse", "serve", "query"]
        return cls(stack, command, {**variables, "POSTPULSE_HTTP_PORT": str(port)}, port, "/health/ready")

    @classmethod
    def peer(cls, stack: ExitStack, python: Path, variables: Mapping[str, str]) -> "_Contestant":
        port = choose_port()
        command: list[object] = [python, "-m", "uvicorn", "benchmarks.query.fastapi_pymongo:app"]
        command += ["--port", port, "--loop", "uvloop", "--http", "httptools"]
        command += ["--no-access-log", "--log-level", "warning"]
        return cls(stack, command, variables, port, "/openapi.json")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def processor_seconds(self) -> float:
        return sum(self._process.cpu_times()[:2])


class _Judge:
    """Puts load on the contestants, and sees that they say the same."""

    def __init__(self, contestants: Mapping[str, _Contestant], questions: Questions, rounds: int) -> None:
        self._contestants = contestants
        self._questions = questions
        self._rounds = rounds
        self._said: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def agree(self) -> int:
        """Ask all of them some questions of each kind; how many.

        Raises:
            RuntimeError: the answers are not the same.
        """
        paths = self._questions.to_compare(_COMPARED, random.Random(2))
        for path in paths:
            answers = [_with_times(each.get(path)) for each in self._contestants.values()]
            if any(answer != answers[0] for answer in answers):
                raise RuntimeError(f"of {path} they say {answers}")
        return len(paths)

    def contest(self, kind: str, say: Callable[[str], None]) -> list[Series]:
        say(kind)
        runs = {name: partial(self._run, name, kind) for name in self._contestants}
        return contest(runs, self._rounds, say)

    def quantile(self, name: str, kind: str, which: str) -> float:
        """In milliseconds; the median of the rounds but the warm-up."""
        return statistics.median(float(said[which]) for said in self._said[name, kind][1:])

    def cost(self, name: str, kind: str) -> float:
        """Processor time of the server, in microseconds a question; the same median."""
        return statistics.median(float(said["cost"]) for said in self._said[name, kind][1:])

    def _run(self, name: str, kind: str) -> float:
        contestant = self._contestants[name]
        runs = self._said.setdefault((name, kind), [])
        # In a round all are asked the same, and in each round something else.
        paths = self._questions.of(kind, _QUESTIONS, random.Random(len(runs)))
        host = f"Host: 127.0.0.1:{contestant.port}"
        requests = [f"GET {path} HTTP/1.1\r\n{host}\r\nAccept: application/json\r\n\r\n" for path in paths]
        busy = contestant.processor_seconds()
        said = put_load(
            contestant.port,
            _CONNECTIONS,
            requests,
            200,
            _WARM_UP_SECONDS,
            _MEASURED_SECONDS / self._rounds,
        )
        busy = contestant.processor_seconds() - busy
        runs.append({**said, "cost": busy / said["answered"] * 1e6})
        return float(said["per_second"])


def _with_times(answer: Any) -> Any:
    """With times as such, which may be written in several ways."""
    if isinstance(answer, dict):
        return {name: _with_times(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_with_times(value) for value in answer]
    if isinstance(answer, str) and answer.endswith("Z") and "T" in answer:
        try:
            return datetime.fromisoformat(answer)
        except ValueError:
            pass
    return answer
