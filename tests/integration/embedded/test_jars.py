"""Kafka's jars are fetched once, checked, and then need no network."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from postpulse.embedded.jars import locked_jars, provide_jars

FETCH = """
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.jars import jars_are_cached, provide_jars
try:
    seen = []
    jars = provide_jars(lambda *progress: seen.append(progress))
    assert jars_are_cached()
    print(f"{len(jars)} jars, {len(seen)} fetched")
except EmbeddedError as exc:
    print("error:", exc)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The jars laid out as a Maven repository lays them out."""
    root = tmp_path / "repository"
    for jar, path in zip(locked_jars(), provide_jars(), strict=True):
        folder = root.joinpath(*jar.group.split("."), jar.artifact, jar.version)
        folder.mkdir(parents=True)
        (folder / jar.file_name).write_bytes(path.read_bytes())
    return root


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def environment(repository: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a user with an empty cache who fetches from that repository."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(repository)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    configuration = tmp_path / "jgo.conf"
    configuration.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
    yield {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "JGO_CONFIG_FILE": str(configuration),
        "NO_PROXY": "127.0.0.1",
    }
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(environment: dict[str, str], processes: int = 1) -> list[str]:
    running = [
        subprocess.Popen([sys.executable, "-c", FETCH], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert all(process.returncode == 0 for process in running)
    return answers


def test_two_at_once_fetch_once_and_later_starts_need_no_network(environment: dict[str, str]) -> None:
    count = len(locked_jars())
    assert sorted(fetch(environment, processes=2)) == [
        f"{count} jars, 0 fetched",
        f"{count} jars, {count} fetched",
    ]
    offline = {**environment, "HTTPS_PROXY": "http://127.0.0.1:1", "JGO_CONFIG_FILE": "/nonexistent"}
    assert fetch(offline) == [f"{count} jars, 0 fetched"]
    cached = next(Path(environment["XDG_CACHE_HOME"], "postpulse").glob("kafka-*/kafka-clients-*.jar"))
    cached.write_bytes(cached.read_bytes()[:1000])
    assert fetch(environment) == [f"{count} jars, {count} fetched"]


def test_a_jar_that_is_not_the_locked_one_is_refused(environment: dict[str, str], repository: Path) -> None:
    jar = next(repository.glob("**/slf4j-api-*.jar"))
    jar.write_bytes(jar.read_bytes() + b"?")
    [answer] = fetch(environment)
    assert answer.startswith("error: slf4j-api-")
    assert "SHA-256 differs" in answer
    assert list(Path(environment["XDG_CACHE_HOME"], "postpulse").glob("kafka-*/*")) == []


def test_without_a_network_it_says_what_to_do(environment: dict[str, str], tmp_path: Path) -> None:
    environment["JGO_CONFIG_FILE"] = str(tmp_path / "none.conf")
    environment["HTTPS_PROXY"] = environment["https_proxy"] = "http://127.0.0.1:1"
    [answer] = fetch(environment)
    assert "needs the network: connect" in answer
    assert "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS" in answer
    assert "\n" not in answer
