"""Acknowledged posts over HTTP: this ingest API beside FastAPI + aiokafka and Flask + MongoDB."""

import json
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pymongo import MongoClient

from benchmarks.contest import contest
from benchmarks.load import put_load
from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, peer_python, running, servers
from postpulse.embedded.ports import choose_port
from postpulse.kafka.admin import apply_topics
from postpulse.settings import KafkaSettings

_HERE = Path(__file__).parent
_CONNECTIONS = 64
_WARM_UP_SECONDS = 2.0
_MEASURED_SECONDS = 6.0
_PARTITIONS = 4
_OURS, _FASTAPI, _FLASK = "postpulse", "FastAPI + aiokafka", "Flask + MongoDB"


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Run the comparison.

    Args:
        rounds: of every contestant.
        say: told of the progress.
    """
    pythons = {name: peer_python(name, _HERE / f"{name}.txt") for name in ("fastapi-aiokafka", "flask-mongo")}
    with servers() as (kafka, mongo):
        judge = _Judge(kafka.bootstrap_servers, mongo.uri, pythons)
        say(f"{_CONNECTIONS} connections, posts of about 200 bytes, {_MEASURED_SECONDS:g} s a run")
        series = contest({_OURS: judge.ours, _FASTAPI: judge.fastapi, _FLASK: judge.flask}, rounds, say)
    ours = series[0].median
    return Result(
        name="ingest",
        title="Ingest: acknowledged posts over HTTP",
        question=(
            f"One server process, {_CONNECTIONS} connections that each send the next post when the last one is "
            "answered. A post counts when it is answered 202, which each contestant does when its servers have "
            "acknowledged it (Kafka: acks=all, idempotent; MongoDB: majority); afterwards it is looked up how many "
            f"are really there. Posts a second over {_MEASURED_SECONDS:g} s, median of {rounds} rounds after one "
            "of warm-up; latencies of the last round. Processor time is that of the server's processes, in "
            "microseconds a post, median of the rounds: what a post costs where all else has machines of its own."
        ),
        columns=["", "posts/s", "range", "p50 ms", "p99 ms", "µs/post", "beside postpulse"],
        rows=[
            [
                each.name,
                f"{each.median:,.0f}",
                f"{min(each.figures):,.0f} to {max(each.figures):,.0f}",
                f"{judge.last[each.name]['p50_ms']:.1f}",
                f"{judge.last[each.name]['p99_ms']:.1f}",
                f"{judge.cost(each.name):.0f}",
                f"{each.median / ours:.2f}",
            ]
            for each in series
        ],
        verdict=[
            f"postpulse takes {ours / peer.median:.1f} times as many as {peer.name}, where a post costs "
            f"{judge.cost(peer.name) / judge.cost(_OURS):.1f} times the processor time."
            for peer in series[1:]
        ],
        versions={
            "aiohttp": version("aiohttp"),
            "confluent-kafka": version("confluent-kafka"),
            **_pinned("fastapi-aiokafka"),
            **_pinned("flask-mongo"),
        },
    )


def _pinned(name: str) -> dict[str, str]:
    lines = (_HERE / f"{name}.txt").read_text().splitlines()
    return {package: number for package, _, number in (line.partition("==") for line in lines)}


class _Judge:
    """Starts a server, puts load on it, and counts what it has really kept."""

    def __init__(self, bootstrap_servers: str, mongo_uri: str, pythons: Mapping[str, Path]) -> None:
        self._servers = bootstrap_servers
        self._mongo_uri = mongo_uri
        self._pythons = pythons
        self.last: dict[str, dict[str, Any]] = {}
        """Name -> what the load generator said of the last round."""
        self._costs: dict[str, list[float]] = {}

    def cost(self, name: str) -> float:
        """Processor time of its server, in microseconds a post; the median of its rounds but the warm-up."""
        return statistics.median(self._costs[name][1:])

    def ours(self) -> float:
        prefix, port = f"{token_hex(4)}.", choose_port()
        apply_topics(
            KafkaSettings(bootstrap_servers=self._servers, topic_prefix=prefix, partitions=_PARTITIONS)
        )
        variables = {
            "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": self._servers,
            "POSTPULSE_KAFKA_TOPIC_PREFIX": prefix,
            "POSTPULSE_MONGO_URI": self._mongo_uri,
            "POSTPULSE_HTTP_PORT": str(port),
            "POSTPULSE_IDS_KEYS": token_hex(16),
        }
        command: list[object] = [OWN_PYTHON, "-m", "postpulse", "serve", "producer"]
        return self._run(_OURS, command, variables, port, lambda: self._records(f"{prefix}posts.v1"))

    def fastapi(self) -> float:
        topic, port = f"posts-{token_hex(4)}", choose_port()
        admin = AdminClient({"bootstrap.servers": self._servers})
        admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])[topic].result(10)
        command = [
            self._pythons["fastapi-aiokafka"],
            "-m",
            "uvicorn",
            "benchmarks.ingest.fastapi_aiokafka:app",
        ]
        command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        variables = {"BOOTSTRAP_SERVERS": self._servers, "TOPIC": topic}
        return self._run(_FASTAPI, command, variables, port, lambda: self._records(topic))

    def flask(self) -> float:
        database, port = f"b{token_hex(4)}", choose_port()
        command: list[object] = [
            self._pythons["flask-mongo"],
            "-m",
            "gunicorn",
            "benchmarks.ingest.flask_mongo:app",
        ]
        command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
        command += ["--threads", str(_CONNECTIONS), "--keep-alive", "60"]
        variables = {"MONGO_URI": self._mongo_uri, "DATABASE": database}

        def kept() -> int:
            with MongoClient[dict[str, Any]](self._mongo_uri) as client:
                return client[database].posts.count_documents({})

        return self._run(_FLASK, command, variables, port, kept)

    def _run(
        self,
        name: str,
        command: list[object],
        variables: Mapping[str, str],
        port: int,
        kept: Callable[[], int],
    ) -> float:
        log = f"ingest-{name.split()[0].lower()}"
        with running(command, variables, log) as process:
            _wait_until_listening(port, process)
            busy = _processor_seconds(process.pid)
            said = put_load(port, _CONNECTIONS, [_request(port)], 202, _WARM_UP_SECONDS, _MEASURED_SECONDS)
            busy = _processor_seconds(process.pid) - busy
        # Those under way at the end are kept without being counted; none counted may be missing.
        if kept() < said["answered"]:
            raise RuntimeError(f"{name} has answered {said['accepted']} posts and kept {kept()}")
        self.last[name] = said
        self._costs.setdefault(name, []).append(busy / said["answered"] * 1e6)
        return float(said["per_second"])

    def _records(self, topic: str) -> int:
        consumer = Consumer({"bootstrap.servers": self._servers, "group.id": "judge"})
        try:
            return sum(
                consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
                for partition in range(_PARTITIONS)
            )
        finally:
            consumer.close()


def _request(port: int) -> str:
    body = json.dumps({"content": "Streams keep what they are told. " * 6, "author": "ada"})
    return (
        f"POST /api/v1/posts/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def _processor_seconds(pid: int) -> float:
    server = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in (server, *server.children(recursive=True)))


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
