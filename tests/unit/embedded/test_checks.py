"""What cannot run here is said in a sentence that tells what to do."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from postpulse.embedded import checks
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.java import find_java, java_version
from postpulse.embedded.mongod import find_mongod, mongod_version

Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a program of this name and these shell lines first on PATH."""

    def make(name: str, lines: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return path

    return make


def test_this_machine_passes(tmp_path: Path) -> None:
    assert checks.check_python()
    assert checks.check_system()
    assert "installed" in checks.check_packages()
    assert checks.check_java().startswith("Java ")
    assert checks.check_mongod().startswith("MongoDB ")
    assert checks.check_data_dir(tmp_path / "a" / "b") == str(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    assert "GB free" in checks.check_disk_space(tmp_path / "a" / "b")


def test_a_taken_port_names_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(EmbeddedError) as caught:
            checks.check_port("127.0.0.1", port)
    assert f"Port {port} on 127.0.0.1 is taken by " in str(caught.value)
    assert f"(process {os.getpid()})" in str(caught.value)
    assert f"postpulse up --port {port + 1}" in str(caught.value)
    assert checks.check_port("127.0.0.1", port)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "NEEDED_FREE_BYTES", 2**60)
    with pytest.raises(EmbeddedError, match="make room, or name another place with --data-dir"):
        checks.check_disk_space(tmp_path)


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="name another one with --data-dir"):
        checks.check_data_dir(tmp_path / "file" / "data")


def test_an_unknown_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(EmbeddedError, match=r"s390x.*POSTPULSE_KAFKA_BOOTSTRAP_SERVERS"):
        checks.check_system()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            "mongod: error while loading shared libraries: libcrypto.so.3: cannot open shared object file",
            "apt-get install libssl3",
        ),
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file",
            "apt-get install libcurl4",
        ),
        ("mongod: /lib/libc.so.6: version GLIBC_2.34 not found (required by mongod)", "newer C library"),
        ("Illegal instruction", "Illegal instruction"),
    ],
)
def test_a_mongod_that_the_loader_refuses(program: Program, output: str, told: str) -> None:
    path = program("mongod", f'echo "{output}" >&2; exit 127')
    assert find_mongod() == path
    with pytest.raises(EmbeddedError) as caught:
        mongod_version(path)
    assert told in str(caught.value)


def test_the_mongod_on_the_path_comes_first(program: Program) -> None:
    path = program("mongod", 'echo "db version v7.0.14"')
    assert find_mongod() == path
    assert mongod_version(path) == "7.0.14"


def test_java_comes_from_its_package_and_else_must_be_new_enough(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (java_version(find_java()) or 0) >= 17
    monkeypatch.setattr("postpulse.embedded.java._packaged_java", lambda: None)
    program("java", "echo 'openjdk version \"1.8.0_392\"' >&2")
    with pytest.raises(EmbeddedError, match="is Java 8, and Kafka needs 17"):
        find_java()
    path = program("java", "echo 'openjdk version \"21.0.2\" 2024-01-16' >&2")
    assert find_java() == path
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EmbeddedError, match="No Java runtime found"):
        find_java()
