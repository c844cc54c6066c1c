"""`postpulse up` as a process: from nothing to an analysis, through kills, to an orderly end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from postpulse.embedded.data_dir import read_state
from postpulse.embedded.processes import ProcessRecord, kill_group
from tests.e2e.stack import Up, run_cli
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)


def order_of_ends(records: dict[str, ProcessRecord], seconds: float) -> list[str]:
    """The names in the order in which the processes ended."""
    ended: list[str] = []

    def all_ended() -> bool:
        ended.extend(name for name, record in records.items() if name not in ended and record.find() is None)
        return len(ended) == len(records)

    wait_until("the end of every process", all_ended, seconds, lambda: f"ended: {ended}")
    return ended


def test_from_nothing_to_an_analysis_to_an_orderly_end(up: Callable[..., Up]) -> None:
    stack = up("--workers", "2").wait_until_ready()
    post_id = stack.post("Streams keep what they are told.")
    assert stack.analysis(post_id)["num_of_words"] == 6
    with urlopen(f"http://127.0.0.1:{stack.port}/docs/", timeout=15) as page:
        assert b"openapi.json" in page.read()

    another = run_cli("up", "--data-dir", str(stack.data_dir), "--port", "0")
    assert another.returncode == 1
    assert f"process {stack.process.pid}, since " in another.stderr
    assert f"http://127.0.0.1:{stack.port}" in another.stderr

    doctor = run_cli("doctor", "--json", "--data-dir", str(stack.data_dir))
    assert doctor.returncode == 0, doctor.stdout
    findings = {finding["check"]: finding for finding in json.loads(doctor.stdout)}
    assert "is ready" in findings["running stack"]["detail"]

    processes = stack.processes()
    assert set(processes) == {"api", "worker-1", "worker-2", "kafka-1", "mongod-1"}
    began = time.monotonic()
    stack.process.send_signal(signal.SIGINT)
    ended = order_of_ends(processes, 15)
    assert ended[0] == "api"
    assert set(ended[1:3]) == {"worker-1", "worker-2"}
    assert ended[3:] == ["kafka-1", "mongod-1"]
    assert stack.wait_for_its_end(5) == 0
    assert time.monotonic() - began < 10
    assert "was killed" not in stack.said
    assert not (stack.data_dir / "stack.json").exists()

    again = up().wait_until_ready()
    assert "left over" not in again.said
    assert again.analysis(post_id)["num_of_words"] == 6
    again.process.send_signal(signal.SIGTERM)
    assert again.wait_for_its_end(10) == 0


def test_after_a_kill_the_next_start_takes_over_and_finds_everything(up: Callable[..., Up]) -> None:
    first = up().wait_until_ready()
    ids = {first.post("One."): 1}
    orphans = first.processes()
    first.process.kill()
    first.process.wait()
    assert all(record.find() for record in orphans.values())

    second = up().wait_until_ready()
    for name, record in orphans.items():
        assert record.find() is None
        assert f"Ended {name} (process {record.pid})" in second.said
    ids[second.post("One two.")] = 2
    records = second.processes()
    second.process.kill()
    for record in records.values():
        kill_group(record.pid)
    second.process.wait()

    third = up().wait_until_ready()
    assert "left over" not in third.said
    for post_id, words in ids.items():
        assert third.analysis(post_id)["num_of_words"] == words
    third.process.send_signal(signal.SIGTERM)
    assert third.wait_for_its_end(10) == 0


def test_a_second_signal_ends_everything_at_once(up: Callable[..., Up]) -> None:
    stack = up().wait_until_ready()
    processes = stack.processes()
    # A broker that does not react holds the orderly stop up.
    os.kill(processes["kafka-1"].pid, signal.SIGSTOP)
    stack.process.send_signal(signal.SIGINT)
    stack.wait_until_it_says("once more to stop at once")
    stack.process.send_signal(signal.SIGINT)
    assert stack.wait_for_its_end(3) == 128 + signal.SIGINT
    assert [name for name, record in processes.items() if record.find()] == []


def test_a_stop_while_starting_leaves_nothing(up: Callable[..., Up]) -> None:
    stack = up()
    wait_until("the broker", lambda: read_state(stack.data_dir) and "kafka-1" in stack.processes())
    processes = stack.processes()
    stack.process.send_signal(signal.SIGINT)
    assert stack.wait_for_its_end(10) == 0
    assert [name for name, record in processes.items() if record.find()] == []


def test_a_killed_child_is_reported_and_comes_back(up: Callable[..., Up]) -> None:
    stack = up().wait_until_ready()
    for name in ("worker-1", "kafka-1", "mongod-1", "api"):
        kill_group(stack.processes()[name].pid)
        stack.wait_until_it_says(f"{name} was ended by SIGKILL. Its log,")

    def post() -> str | None:
        with suppress(OSError):
            return stack.post("Everything came back.")
        return None

    post_id = wait_until("a post to be taken", post, 60, lambda: stack.said)
    assert post_id is not None
    assert stack.analysis(post_id)["num_of_words"] == 3
    stack.process.send_signal(signal.SIGTERM)
    assert stack.wait_for_its_end(10) == 0


def test_five_deaths_in_a_row_end_everything(up: Callable[..., Up]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = up(POSTPULSE_WORKER_METRICS_PORT=str(port))
        assert stack.wait_for_its_end(90) == 1
    assert "worker-1 died 5 times in a row: giving up." in stack.said
    assert str(port) in stack.said
    state = read_state(stack.data_dir)
    assert state is None or not any(record.find() for record in state.processes)


def test_a_throw_away_stack_leaves_nothing_behind(up: Callable[..., Up], tmp_path: Path) -> None:
    stack = up("--ephemeral", TMPDIR=str(tmp_path)).wait_until_ready()
    match = re.search(r"Data +(\S+)", stack.said)
    assert match is not None
    assert Path(match[1]).parent == tmp_path
    stack.analysis(stack.post("Gone tomorrow."))
    stack.process.send_signal(signal.SIGINT)
    assert stack.wait_for_its_end(10) == 0
    assert not Path(match[1]).exists()


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run_cli("up", "--data-dir", str(tmp_path / "data"), "--port", str(port))
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"Error: Port {port} on 127.0.0.1 is taken by ")
    assert f"--port {port + 1}" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_data_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = run_cli("up", "--data-dir", str(tmp_path / "file" / "data"))
    assert answer.returncode == 1
    assert "cannot be written" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_no_network_on_the_first_start_is_a_sentence(up: Callable[..., Up], tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    stack = up(XDG_CACHE_HOME=str(tmp_path / "cache"), HTTPS_PROXY=nowhere, https_proxy=nowhere)
    assert stack.wait_for_its_end(60) == 1
    assert "The first start fetches Apache Kafka, about 40 MB, and needs the network" in stack.said
    assert "Traceback" not in stack.said


def test_a_missing_library_is_a_sentence(up: Callable[..., Up], tmp_path: Path) -> None:
    mongod = tmp_path / "mongod"
    message = "mongod: error while loading shared libraries: libcrypto.so.3: cannot open shared object file"
    mongod.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 127\n")
    mongod.chmod(0o755)
    stack = up(PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert stack.wait_for_its_end(60) == 1
    assert "apt-get install libssl3" in stack.said
    assert "Traceback" not in stack.said


def test_wrong_settings_are_named_and_exit_with_two() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "postpulse", "up"],
        env={**os.environ, "POSTPULSE_KAFKA_PARTITIONS": "none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 2
    assert "POSTPULSE_KAFKA_PARTITIONS" in answer.stderr
    assert "Traceback" not in answer.stderr
