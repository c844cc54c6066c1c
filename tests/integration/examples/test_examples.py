"""The programs of docs/examples, as they stand there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from postpulse import events
from postpulse.events import Analysis
from postpulse.topics import POST_ANALYSES, topic_name
from stream_processors import analysis
from tests.pipeline import Pipeline
from tests.programs import need_program

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"
_PATIENCE_SECONDS = 30.0


@pytest.fixture
def told(pipeline: Pipeline) -> list[str]:
    """Results in post-analyses.v1: of two posts, then of the first one's deletion. Their ids, in order."""
    first, second = pipeline.ids.mint(), pipeline.ids.mint()
    producer = pipeline.new_producer()
    topic = topic_name(POST_ANALYSES, pipeline.settings.kafka)
    for post_id, text in ((first, "What a lovely day"), (second, "Rain again")):
        result = Analysis(
            post_id=post_id,
            revision=7,
            analysis_version=analysis.ANALYSIS_VERSION,
            analyzed_at=1,
            created_at=1,
            received_at=1,
            chunks=1,
            metrics=analysis.analyze(text),
        )
        producer.produce(topic, events.encode(result), post_id, headers=events.headers(Analysis))
    producer.produce(topic, None, first)
    assert producer.flush(20) == 0
    return [first, second, first]


@contextmanager
def following(pipeline: Pipeline, *command: str | Path) -> Iterator[Iterator[str]]:
    """The lines that an example prints; it ends with the block, or when nothing has come for too long."""
    kafka = pipeline.settings.kafka
    variables = {
        "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "POSTPULSE_KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
    }
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        patience = Timer(_PATIENCE_SECONDS, process.kill)
        patience.start()
        try:
            yield iter(process.stdout)
        finally:
            patience.cancel()
            process.kill()


@pytest.mark.parametrize("name", ["follow_analyses_confluent.py", "follow_analyses_aiokafka.py"])
def test_results_and_deletions_are_followed(pipeline: Pipeline, told: list[str], name: str) -> None:
    with following(pipeline, sys.executable, EXAMPLES / name) as lines:
        printed = [next(lines, "").split() for _ in told]
    assert sorted(line[0] for line in printed) == sorted(told)
    assert [line[1:] for line in printed if line[0] == told[0]] == [["7", "4", "positive"], ["deleted"]]
    assert [line[1:] for line in printed if line[0] == told[1]] == [["7", "2", "neutral"]]


def test_kcat_follows_them_too(pipeline: Pipeline, told: list[str]) -> None:
    need_program("kcat")
    with following(pipeline, EXAMPLES / "follow_analyses_kcat.sh") as lines:
        printed = [next(lines, "").rstrip("\n").split("\t") for _ in told]
    assert sorted(line[0] for line in printed) == sorted(told)
    values = [line[1] for line in printed if line[0] == told[0]]
    assert events.decode(Analysis, values[0].encode()).revision == 7
    assert values[1] == "NULL"
