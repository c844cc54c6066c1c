"""What is wrong is said in a sentence, with the exit code for scripts, never with a traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import pytest
from click import Command, Group
from click.testing import CliRunner

from postpulse.cli.main import COMMANDS, cli


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound, so that nobody else takes it, but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def run(
    *arguments: str,
    stdin: bytes = b"",
    home: Path | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.CompletedProcess[str]":
    """The command as a process; `home` without a running stack in it."""
    environment = (
        os.environ | ({"XDG_DATA_HOME": str(home), "HOME": str(home)} if home else {}) | dict(settings)
    )
    done = subprocess.run(
        [sys.executable, "-m", "postpulse", *arguments],
        input=stdin,
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )
    result = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
    assert "Traceback" not in result.stderr
    assert "Warning" not in result.stderr
    return result


def _commands(group: Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    with_context = group.make_context("postpulse", ["--version"], resilient_parsing=True)
    for name in group.list_commands(with_context):
        found = group.get_command(with_context, name)
        assert found is not None
        yield (*path, name), found
        if isinstance(found, Group):
            yield from _commands(found, (*path, name))


def test_every_command_has_help_with_examples_of_itself() -> None:
    commands = [path for path, _ in _commands(cli)]
    assert set(COMMANDS) <= {path[0] for path in commands}
    for path in commands:
        result = CliRunner().invoke(cli, [*path, "--help"])
        assert result.exit_code == 0
        _, found, examples = result.output.partition("Examples:")
        assert found, path
        assert f"postpulse {' '.join(path)}" in examples, path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["topics", "describe", "nope"], "There is no topic 'nope'; the topics are posts.v1, "),
        (["serve", "everything"], "is not one of 'producer', 'query', 'all'"),
        (["load", "absent.ndjson"], "File 'absent.ndjson' does not exist."),
        (["load", "-", "--idempotency-key", "a b"], "must be 1 to 200 visible ASCII characters"),
        (["load", "-", "--ids", "absent/ids"], "Cannot open absent/ids: No such file or directory."),
        (["post", "--url", "ftp://x", "hi"], "--url must start with http:// or https://"),
        (["post", "--file", __file__, "hi"], "as an argument or with --file, not both"),
        (["worker", "--processes", "0"], "0 is not in the range 1<=x<=64"),
        (["dlq", "redrive", "--dry-run"], "Say which letters"),
        (["dlq", "discard", "--all", "--stage", "merge"], "Say which letters"),
        (["dlq", "discard", "--all"], "Nobody can be asked here: give --yes."),
        (["replay", "start"], "Say which posts"),
        (["replay", "start", "--all", "--from", "now"], "Say which posts"),
        (["replay", "start", "--offsets", "1:9-3"], "such as 0:1000-2000, not 1:9-3"),
        (["tail", "--data-dir", "absent"], "No `postpulse up` runs on absent."),
    ],
)
def test_wrong_usage_is_2_and_named(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = run(*arguments, home=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stdout == ""


_MANY = {"POSTPULSE_KAFKA_PARTITIONS": "many"}


@pytest.mark.parametrize(
    ("command", "variables", "said"),
    [
        ("worker", _MANY, "POSTPULSE_KAFKA_PARTITIONS: input should be a valid integer"),
        ("worker --processes 2", _MANY, "POSTPULSE_KAFKA_PARTITIONS: input should be a valid integer"),
        ("serve all", _MANY, "POSTPULSE_KAFKA_PARTITIONS: input should be a valid integer"),
        ("config", {"POSTPULSE_KAFKA_PARTITONS": "6"}, "did you mean POSTPULSE_KAFKA_PARTITIONS?"),
        ("topics list", {"POSTPULSE_CONFIG": "absent.toml"}, "cannot read absent.toml"),
    ],
)
def test_a_wrong_setting_is_2_and_named(command: str, variables: dict[str, str], said: str) -> None:
    result = run(*command.split(), settings=variables)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_metrics_ports_that_do_not_exist_are_refused() -> None:
    result = run("worker", "--processes", "3", settings={"POSTPULSE_WORKER_METRICS_PORT": "65534"})
    assert result.returncode == 2
    assert "3 workers from POSTPULSE_WORKER_METRICS_PORT=65534 on need ports above 65535" in result.stderr


@pytest.mark.parametrize(
    "command", [["post", "hi"], ["post", "--wait", "--json", "hi"], ["load", "-"], ["load", "-", "--json"]]
)
def test_no_api_is_1_and_says_how_to_get_one(command: list[str], closed_port: int, tmp_path: Path) -> None:
    result = run(
        *command, stdin=b"hi\n" * 5000, home=tmp_path, settings={"POSTPULSE_HTTP_PORT": str(closed_port)}
    )
    assert result.returncode == 1
    assert f"http://127.0.0.1:{closed_port}/api/v1/posts/" in result.stderr
    assert "Connect" in result.stderr
    assert "`postpulse up` starts the APIs" in result.stderr


def test_no_broker_is_1_and_says_where(closed_port: int) -> None:
    variables = {"POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{closed_port}"}
    commands = ("tail", "topics apply", "topics apply --dry-run", "topics describe --json")
    # All at once: each waits a while for a broker.
    with ThreadPoolExecutor(len(commands)) as pool:
        for result in pool.map(lambda command: run(*command.split(), settings=variables), commands):
            assert result.returncode == 1
            assert f"o broker answers at 127.0.0.1:{closed_port}" in result.stderr
            assert len(result.stderr.splitlines()) == 1
            assert result.stdout == ""


def test_a_port_that_is_taken_is_1_and_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(
            "serve", "all", "--port", str(port), settings={"POSTPULSE_IDS_KEYS": "sixteen bytes or more"}
        )
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: " in result.stderr


def test_content_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    result = run("post", stdin=b"caf\xe9", home=tmp_path)
    assert result.returncode == 1
    assert "The content is not UTF-8" in result.stderr


@pytest.mark.parametrize("command", ["topics list --json", "config --json", "config"])
def test_a_reader_that_has_enough_is_no_trouble(command: str) -> None:
    pipe = f"{sys.executable} -m postpulse {command} | head -1"
    result = subprocess.run(["sh", "-c", pipe], capture_output=True, text=True, timeout=60, check=True)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1
