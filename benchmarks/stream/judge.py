"""Many open streams of one process: what they cost, and how late results come."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil
from confluent_kafka import Producer

from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, ROOT, running, servers
from postpulse import events
from postpulse.embedded.ports import choose_port
from postpulse.events import Analysis
from postpulse.kafka.admin import apply_topics
from postpulse.settings import KafkaSettings
from postpulse.topics import POST_ANALYSES, topic_name
from stream_processors.analysis import analyze

_HERE = Path(__file__).parent
_STREAMS = 1000
_PER_SECOND = 50
_SECONDS = 16.0
_PARTITIONS = 6
_AUTHORS = 100
_TEXT = "I love the new #release of @postpulse, thank you! Read https://example.com/notes and tell me more."


@dataclass(frozen=True)
class _Run:
    """What one run has shown: memory in KiB a stream, processors as a share of one core, times in milliseconds."""

    idle_kib: float
    busy_kib: float
    cores: float
    told: float
    said: dict[str, Any]


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Measure; one round, whatever is asked for: each figure is of some hundred thousand events.

    Args:
        say: told of the progress.
    """
    kinds = {"all results": "", f"results of one author of {_AUTHORS}": "author=authorNUMBER"}
    size = len(events.encode(_result(0, analyze(_TEXT))))
    with servers() as (kafka, mongo):
        runs = {}
        for kind, query in kinds.items():
            runs[kind] = _run(kafka.bootstrap_servers, mongo.uri, query)
            say(f"{kind}: p99 {runs[kind].said['p99_ms']:.1f} ms, {runs[kind].cores:.2f} cores")
    return Result(
        name="stream",
        title=f"{_STREAMS:,} open streams in one process",
        question=(
            f"`GET /api/v1/stream/`, {_STREAMS:,} readers in a process of their own, {_PER_SECOND} results a "
            f"second for {_SECONDS:g} s on {_PARTITIONS} partitions, each of {size:,} bytes. Times are "
            "from a result's being handed to the Kafka client to its being read, the send to the broker included. "
            "Every stream has got every result that its filters hold for, or the run fails. Processor time is that "
            "of the API's process; its readers, the broker and the sender share the cores with it. Memory is what "
            "the process has grown by, with all streams open and after the run, for each stream."
        ),
        columns=["each stream tells", "events/s", "p50 ms", "p99 ms", "cores", "KiB/stream", "after the run"],
        rows=[
            [
                kind,
                f"{run.told / _SECONDS:,.0f}",
                f"{run.said['p50_ms']:.1f}",
                f"{run.said['p99_ms']:.1f}",
                f"{run.cores:.2f}",
                f"{run.idle_kib:.0f}",
                f"{run.busy_kib:.0f}",
            ]
            for kind, run in runs.items()
        ],
        verdict=[],
        versions={"aiohttp": version("aiohttp"), "uvloop": version("uvloop")},
    )


def _run(bootstrap_servers: str, mongo_uri: str, query: str) -> _Run:
    settings = KafkaSettings(
        bootstrap_servers=bootstrap_servers, topic_prefix=f"{token_hex(4)}.", partitions=_PARTITIONS
    )
    apply_topics(settings)
    port = choose_port()
    variables = {
        "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "POSTPULSE_KAFKA_TOPIC_PREFIX": settings.topic_prefix,
        "POSTPULSE_MONGO_URI": mongo_uri,
        "POSTPULSE_HTTP_PORT": str(port),
        "POSTPULSE_IDS_KEYS": token_hex(16),
    }
    with running([OWN_PYTHON, "-m", "postpulse", "serve", "query"], variables, "stream") as process:
        _until_ready(f"http://127.0.0.1:{port}/health/ready")
        server = psutil.Process(process.pid)
        without = server.memory_info().rss
        readers = subprocess.Popen(
            [OWN_PYTHON, _HERE / "readers.py", str(port), str(_STREAMS), query, str(_AUTHORS)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert readers.stdout is not None
            if readers.stdout.readline() != "open\n":
                raise RuntimeError("the readers have not opened their streams")
            idle = server.memory_info().rss
            busy = sum(server.cpu_times()[:2])
            sent = _send(settings)
            busy = sum(server.cpu_times()[:2]) - busy
            after = server.memory_info().rss
            # What is under way is there by then; the latest of it is in the figures.
            time.sleep(1)
            said: dict[str, Any] = json.loads(readers.communicate(timeout=30)[0])
        finally:
            readers.kill()
            readers.wait()
    share = _AUTHORS if query else 1
    if not said["fewest"] == said["most"] == sent // share:
        raise RuntimeError(f"of {sent // share} results for each stream, {said['fewest']} came")
    return _Run(
        idle_kib=(idle - without) / 1024 / _STREAMS,
        busy_kib=(after - without) / 1024 / _STREAMS,
        cores=busy / _SECONDS,
        told=_STREAMS * sent / share,
        said=said,
    )


def _send(settings: KafkaSettings) -> int:
    """Send results at an even pace; gives how many."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 0})
    topic = topic_name(POST_ANALYSES, settings)
    metrics = analyze(_TEXT)
    count = int(_PER_SECOND * _SECONDS) // _AUTHORS * _AUTHORS
    began = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, began + number / _PER_SECOND - time.perf_counter()))
        result = _result(number, metrics)
        producer.produce(topic, events.encode(result), result.post_id)
        producer.poll(0)
    if producer.flush(10):
        raise RuntimeError("the broker has not acknowledged all results")
    return count


def _result(number: int, metrics: dict[str, Any]) -> Analysis:
    now = time.time_ns()
    return Analysis(
        post_id=f"{number:032d}",
        revision=number,
        analysis_version=1,
        analyzed_at=now // 1_000_000,
        created_at=now // 1_000_000,
        received_at=now // 1_000_000,
        chunks=1,
        # Where readers find it without a parser.
        metrics={"sent_ns": now, **metrics},
        author=f"author{number % _AUTHORS}",
    )


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
