"""Consume, decode, transform, send: this runtime beside stock Faust and Quix Streams, on one broker."""

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

import psutil
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.contest import contest
from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, peer_python, running, servers

_HERE = Path(__file__).parent
_PARTITIONS = 4
#: Enough for the fastest to be busy for some seconds; the slowest are stopped on the way.
_RECORDS = 600_000
_CONTENT_CHARS = 160
_MEASURED_SECONDS = 8.0
_PATIENCE_SECONDS = 60.0


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Run the comparison.

    Args:
        rounds: of every contestant.
        say: told of the progress.
    """
    quix = peer_python("quix-streams", _HERE / "quix-streams.txt")
    programs = {
        "postpulse": (OWN_PYTHON, "ours.py"),
        "Quix Streams": (quix, "quix_streams.py"),
        "Faust": (OWN_PYTHON, "stock_faust.py"),
    }
    with servers() as (kafka, _):
        judge = _Judge(kafka.bootstrap_servers)
        say(f"{_RECORDS:,} records of about 220 bytes in {_PARTITIONS} partitions")
        judge.fill()
        series = contest(
            {
                name: lambda name=name, program=program: judge.run(name, *program)  # type: ignore[misc]
                for name, program in programs.items()
            },
            rounds,
            say,
        )
        judge.check()
    ours = series[0].median
    rows = [
        [
            each.name,
            f"{each.median:,.0f}",
            f"{min(each.figures):,.0f} to {max(each.figures):,.0f}",
            f"{judge.cpu[each.name]:.1f}",
            f"{each.median / ours:.2f}",
        ]
        for each in series
    ]
    return Result(
        name="transport",
        title="Transport: consume and send",
        question=(
            "One process reads records of about 220 bytes from four partitions, decodes their JSON, makes a "
            "smaller document of each and sends it under the same key to another topic, acks=all, offsets "
            f"committed. Records a second from the first output on, for {_MEASURED_SECONDS:g} s or to the end of "
            f"the topic; median of {rounds} rounds after one of warm-up. Processor time is that of the whole "
            "process, in microseconds a record."
        ),
        columns=["", "records/s", "range", "µs/record", "beside postpulse"],
        rows=rows,
        verdict=[
            f"postpulse moves {ours / peer.median:.1f} times as many as {peer.name}." for peer in series[1:]
        ],
        versions={
            "Quix Streams": (_HERE / "quix-streams.txt").read_text().strip().partition("==")[2],
            "faust-streaming": version("faust-streaming"),
            "aiokafka": version("aiokafka"),
            "confluent-kafka": version("confluent-kafka"),
        },
    )


class _Judge:
    """Fills a topic, and measures how fast a program fills the next one from it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        self._watch = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "judge", "log_level": 0})
        self._source = f"source-{token_hex(4)}"
        self._finished: list[str] = []
        self.cpu: dict[str, float] = {}
        """Name -> microseconds of processor time a record, of the last round."""

    def fill(self) -> None:
        self._create(self._source)
        producer = Producer({"bootstrap.servers": self._servers, "linger.ms": 20, "log_level": 0})
        for number in range(_RECORDS):
            text = f"{number} " + "Streams keep what they are told. " * 8
            value = json.dumps({"post_id": f"{number:032}", "content": text[:_CONTENT_CHARS]})
            while True:
                try:
                    producer.produce(self._source, value, f"{number:032}")
                    break
                except BufferError:
                    producer.poll(0.1)
            if not number % 1000:
                producer.poll(0)
        assert producer.flush(60) == 0

    def run(self, name: str, python: Path, program: str) -> float:
        """Records a second of one program, from its first output on."""
        destination = f"destination-{token_hex(4)}"
        self._create(destination)
        variables = {
            "BOOTSTRAP_SERVERS": self._servers,
            "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": self._servers,
            # A consumer group of its own: every run begins at the start of the topic.
            "POSTPULSE_KAFKA_TOPIC_PREFIX": f"{destination}.",
            "GROUP": destination,
            "SOURCE": self._source,
            "DESTINATION": destination,
        }
        with running(
            [python, _HERE / program], variables, f"transport-{name.replace(' ', '-').lower()}"
        ) as process:
            watched = psutil.Process(process.pid)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while (first := self._count(destination)) == 0:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} sent nothing; its log is under .artifacts/benchmarks/")
                time.sleep(0.005)
            began, busy = time.monotonic(), sum(watched.cpu_times()[:2])
            while (
                count := self._count(destination)
            ) < _RECORDS and time.monotonic() < began + _MEASURED_SECONDS:
                time.sleep(0.005)
            seconds = time.monotonic() - began
            self.cpu[name] = (sum(watched.cpu_times()[:2]) - busy) / (count - first) * 1e6
            if count == _RECORDS:
                self._finished.append(destination)
        return (count - first) / seconds

    def check(self) -> None:
        """Whoever reached the end has sent each record once: nobody is fast by leaving some out."""
        for topic in self._finished:
            assert self._count(topic) == _RECORDS, topic

    def _count(self, topic: str) -> int:
        return sum(
            self._watch.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
            for partition in range(_PARTITIONS)
        )

    def _create(self, topic: str) -> None:
        created = self._admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])
        created[topic].result(10)
        deadline = time.monotonic() + 10
        while True:
            try:
                self._count(topic)
                return
            except KafkaException:
                # A topic that was just created has no leader for a moment.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
