"""What must be true for the stack to run here. Each check returns what it found, or raises with what to do."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import psutil

from postpulse.embedded.data_dir import free_bytes
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.java import find_java, java_version
from postpulse.embedded.mongod import find_mongod, mongod_version
from postpulse.embedded.ports import is_free

NEEDED_FREE_BYTES = 500 * 1024 * 1024
_MINIMUM_PYTHON = (3, 11)
_SYSTEMS = {"linux": "Linux", "darwin": "macOS"}
_MACHINES = ("x86_64", "amd64", "aarch64", "arm64")


def check_python() -> str:
    """The version of this Python."""
    if sys.version_info[:2] < _MINIMUM_PYTHON:
        raise EmbeddedError(f"Python {platform.python_version()} is too old: use Python 3.11 or later.")
    return platform.python_version()


def check_system() -> str:
    """The operating system and architecture."""
    machine = platform.machine().lower()
    if sys.platform not in _SYSTEMS or machine not in _MACHINES:
        raise EmbeddedError(
            f"The embedded servers do not run on {platform.system()} ({machine}): use Linux or macOS on x86-64"
            " or ARM 64 (on Windows, WSL 2), or set POSTPULSE_KAFKA_BOOTSTRAP_SERVERS and POSTPULSE_MONGO_URI"
            " to servers elsewhere."
        )
    return f"{platform.system()} {platform.release()}, {machine}"


def check_packages() -> str:
    """That everything postpulse depends on is installed."""
    missing = []
    count = 0
    for requirement in importlib.metadata.requires("postpulse") or []:
        if "extra ==" in requirement:
            continue
        name = requirement.split(";")[0].strip()
        for mark in "<>=!~[ ":
            name = name.split(mark)[0]
        try:
            importlib.metadata.version(name)
            count += 1
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise EmbeddedError(f"Not installed: {', '.join(missing)}. Run `pip install postpulse` again.")
    return f"{count} installed"


def check_java() -> str:
    """The Java that runs Kafka."""
    java = find_java()
    version = java_version(java)
    if version is None:
        raise EmbeddedError(
            f"{java} does not run on this system: install Java 17 or later, or set"
            " POSTPULSE_KAFKA_BOOTSTRAP_SERVERS to a broker of your own."
        )
    return f"Java {version}, {java}"


def check_mongod() -> str:
    """The mongod, run once for its version."""
    mongod = find_mongod()
    return f"MongoDB {mongod_version(mongod)}, {mongod}"


def check_data_dir(data_dir: Path) -> str:
    """That the data directory can be written, or made."""
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise EmbeddedError(
            f"The data directory {data_dir} cannot be written: make {existing} writable, or name another one"
            " with --data-dir."
        )
    return str(data_dir)


def check_disk_space(data_dir: Path) -> str:
    """That there is room for a while."""
    free = free_bytes(data_dir)
    if free < NEEDED_FREE_BYTES:
        raise EmbeddedError(
            f"Only {free // 1024**2} MB are free for {data_dir}, and {NEEDED_FREE_BYTES // 1024**2} MB are needed:"
            " make room, or name another place with --data-dir."
        )
    return f"{free / 1024**3:.1f} GB free"


def check_port(host: str, port: int) -> str:
    """That the APIs can listen there. The message says who does."""
    if not is_free(port, host):
        raise EmbeddedError(
            f"Port {port} on {host} is taken{_holder(port)}: stop that, or choose another one, for example"
            f" `postpulse up --port {port + 1}`."
        )
    return f"{port} on {host} is free"


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            port_there = getattr(connection.laddr, "port", None)
            if connection.status == psutil.CONN_LISTEN and port_there == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f" by {process.name()} (process {process.pid})"
    except (psutil.Error, OSError):
        pass  # Not everybody may see other people's connections.
    return ""
