"""`postpulse worker --processes`: workers that share the partitions, and never outlive their parent."""

import json
import os
import signal
import subprocess
import urllib.request

import psutil

from postpulse.embedded.ports import choose_port, is_free
from postpulse.kafka.admin import admin_client
from postpulse.topics import POSTS, group_name
from tests.pipeline import Pipeline
from tests.waiting import wait_until


def start(pipeline: Pipeline, **variables: str) -> "tuple[subprocess.Popen[bytes], list[psutil.Process]]":
    """Two workers that are up, after their parent."""
    parent = pipeline.start_worker("--processes", "2", **variables)
    pipeline.wait_for("both workers", lambda: len(addresses(pipeline, parent)) == 2)
    return parent, psutil.Process(parent.pid).children()


def addresses(pipeline: Pipeline, parent: "subprocess.Popen[bytes]") -> dict[str, str]:
    """Name of a worker -> where it serves its health, as last logged."""
    # The last line may not be whole yet.
    lines = pipeline.log_of(parent).split("\n")[:-1]
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return {record["service"]: record["address"] for record in records if "address" in record}


def have_ended(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def shares(pipeline: Pipeline) -> list[set[int]]:
    """The partitions of posts.v1 that each member of the group has, by Kafka's word."""
    group = group_name(pipeline.settings.worker.group, pipeline.settings.kafka)
    client = admin_client(pipeline.settings.kafka)
    described = client.describe_consumer_groups([group])[group].result(10)
    return [
        {tp.partition for tp in member.assignment.topic_partitions if tp.topic == pipeline.topic(POSTS)}
        for member in described.members
    ]


def test_they_share_the_partitions_and_stop_in_order(pipeline: Pipeline) -> None:
    first_port = next(port for port in iter(choose_port, None) if is_free(port + 1))
    parent, workers = start(pipeline, POSTPULSE_WORKER_METRICS_PORT=str(first_port))
    served = addresses(pipeline, parent)
    for name, port in (("worker-1", first_port), ("worker-2", first_port + 1)):
        assert served[name] == f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{served[name]}/health/live", timeout=10) as answer:
            assert answer.status == 200
    pipeline.wait_members(2)
    one, other = sorted(shares(pipeline), key=len)
    assert (len(one), len(other)) == (1, 2)
    assert one | other == {0, 1, 2}

    posts = [pipeline.post(f"Post number {number}.") for number in range(300)]
    pipeline.send(*posts)
    pipeline.wait_analyzed(len(posts))
    parent.send_signal(signal.SIGINT)
    assert parent.wait(15) == 0
    assert have_ended(workers)
    # They have left the group by themselves: nobody waits for their sessions to run out.
    assert shares(pipeline) == []
    assert pipeline.lag(POSTS) == 0
    assert "was killed" not in pipeline.log_of(parent)


def test_one_that_dies_is_started_again_and_all_end_with_a_parent_that_is_killed(pipeline: Pipeline) -> None:
    parent, workers = start(pipeline)
    victim = workers[0]
    victim.kill()

    def replaced() -> list[psutil.Process]:
        now = psutil.Process(parent.pid).children()
        return now if len(now) == 2 and victim.pid not in {p.pid for p in now} else []

    workers = pipeline.wait_for("another worker", replaced)
    log = pipeline.log_of(parent)
    assert " was ended by SIGKILL. " in log
    assert " is started again in 0.5 s." in log
    pipeline.wait_for("its health", lambda: pipeline.log_of(parent).count('"address"') == 3)
    pipeline.kill(parent)
    wait_until("the end of the workers", lambda: have_ended(workers), 15)


def test_a_second_signal_ends_even_those_that_are_frozen_at_once(pipeline: Pipeline) -> None:
    parent, workers = start(pipeline)
    os.kill(workers[0].pid, signal.SIGSTOP)
    parent.terminate()
    pipeline.wait_for("the first signal", lambda: "once more to stop at once" in pipeline.log_of(parent))
    parent.terminate()
    assert parent.wait(5) == 128 + signal.SIGTERM
    assert have_ended(workers)
