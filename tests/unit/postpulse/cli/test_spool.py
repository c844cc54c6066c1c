"""`postpulse spool`, without a broker: what it shows, what it finds, with which exit code."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from postpulse.cli.main import cli
from producer_api.spool.segments import Segments
from tests.unit.postpulse.cli.test_arguments import run
from tests.unit.producer_api.spool.records import filled, flip, frame


@pytest.fixture(autouse=True)
def _no_running_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def spool(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["spool", *map(str, arguments)])


def as_json(*arguments: str | Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(spool(*arguments, "--json").stdout)
    return document


def test_status_shows_what_is_there_while_a_service_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, b"one", b"two")
    service = Segments(tmp_path)
    monkeypatch.setenv("POSTPULSE_SPOOL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("POSTPULSE_SPOOL_MAX_BYTES", "2000000")
    shown = as_json("status")
    assert (shown["records"], shown["bytes"], shown["limit"]) == (2, 2 * len(frame(b"one")), 2_000_000)
    assert shown["oldest_age_seconds"] > 0
    assert spool("status").exit_code == 0
    assert "of at most 2000000" in spool("status").stdout
    service.close()


def test_verify_is_0_for_a_whole_spool_even_with_a_torn_end(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, b"one", b"two")
    assert spool("verify", "--directory", tmp_path).exit_code == 0
    os.truncate(path, path.stat().st_size - 1)
    before = path.read_bytes()
    result = spool("verify", "--directory", tmp_path)
    assert result.exit_code == 0
    assert "1 records in 1 segments can be read" in result.stdout
    assert "a write that is not complete" in result.stdout
    assert path.read_bytes() == before


def test_verify_is_1_for_a_damaged_one_and_says_where(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, b"one", b"two", b"end")
    size = len(frame(b"one"))
    flip(path, size)
    result = spool("verify", "--directory", tmp_path)
    assert result.exit_code == 1
    assert f"{path.name}: {size} bytes from {size} on are damaged" in result.stderr
    (damage,) = as_json("verify", "--directory", tmp_path)["damage"]
    assert damage == {"file": path.name, "offset": size, "bytes": size}
    path.rename(path.with_suffix(".damaged"))
    result = spool("verify", "--directory", tmp_path)
    assert result.exit_code == 1
    assert "was set aside" in result.stderr


@pytest.mark.parametrize("name", ["status", "verify", "drain"])
def test_no_spool_is_named(name: str, tmp_path: Path) -> None:
    result = spool(name)
    assert result.exit_code == 2
    assert "name one with --directory, or set POSTPULSE_SPOOL_DIRECTORY" in result.stderr
    absent = tmp_path / "absent"
    result = spool(name, "--directory", absent)
    assert result.exit_code == 1
    assert f"The spool {absent} cannot be read" in result.stderr
    # Looking for one must not make one.
    assert not absent.exists()


def test_without_a_broker_nothing_is_drained_and_nothing_lost(tmp_path: Path) -> None:
    filled(tmp_path, b"one", b"two")
    variables = {"POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    result = run("spool", "drain", "--directory", str(tmp_path), "--timeout", "0.5", settings=variables)
    assert result.returncode == 1
    assert "No broker at 127.0.0.1:1 takes the records; 2 are left." in result.stderr
    assert as_json("status", "--directory", tmp_path)["records"] == 2


def test_a_second_service_on_one_directory_stops_at_its_start(tmp_path: Path) -> None:
    service = Segments(tmp_path)
    variables = {
        "POSTPULSE_SPOOL_DIRECTORY": str(tmp_path),
        "POSTPULSE_IDS_KEYS": "sixteen bytes or more",
        "POSTPULSE_HTTP_PORT": "0",
    }
    result = run("serve", "producer", settings=variables)
    assert result.returncode == 2
    assert f"POSTPULSE_SPOOL_DIRECTORY: another process has {tmp_path}" in result.stderr
    service.close()
