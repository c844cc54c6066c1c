"""A `postpulse up` under test, and the other commands, as processes."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from postpulse.embedded.data_dir import read_state
from postpulse.embedded.ports import choose_port
from postpulse.embedded.processes import ProcessRecord
from tests.waiting import wait_until


class Up:
    """One `postpulse up` under test."""

    def __init__(
        self, data_dir: Path, *arguments: str, ports: tuple[int, ...] = (), **variables: str
    ) -> None:
        self.data_dir = data_dir
        self.port = choose_port(ports)
        self.output = data_dir.parent / f"{data_dir.name}-{time.monotonic_ns()}.txt"
        where = [] if "--ephemeral" in arguments else ["--data-dir", str(data_dir)]
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "postpulse", "up", "--port", str(self.port), *where, *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **variables},
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def wait_until_ready(self) -> "Up":
        self.wait_until_it_says("postpulse is up at")
        return self

    def wait_until_it_says(self, text: str, seconds: float = 90) -> None:
        def says() -> bool:
            assert text in self.said or self.process.poll() is None, self.said
            return text in self.said

        wait_until(f"it to say {text!r}", says, seconds, lambda: self.said)

    def wait_for_its_end(self, seconds: float) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not over within {seconds} s:\n{self.said}")

    def processes(self) -> dict[str, ProcessRecord]:
        """Those that run."""
        state = read_state(self.data_dir)
        assert state is not None
        return {record.name: record for record in state.processes if record.find()}

    def post(self, content: str) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/posts/",
            json.dumps({"content": content}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            assert answer.status == 202
            return str(json.load(answer)["post_id"])

    def analysis(self, post_id: str, seconds: float = 45) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/api/v1/posts/{post_id}/analysis/?wait=5"

        def ask() -> dict[str, Any] | None:
            with suppress(OSError), urllib.request.urlopen(url, timeout=15) as answer:
                if answer.status == 200:
                    found: dict[str, Any] = json.load(answer)
                    return found
            return None

        found = wait_until(f"the analysis of {post_id}", ask, seconds, lambda: self.said)
        assert found is not None
        return found


def run_cli(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "postpulse", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
