"""The data directory of one `postpulse up`: who has it, what it started, the secret of its post ids."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import psutil

from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.processes import ProcessRecord, end_together
from postpulse.embedded.state import read_json, write_json
from postpulse.locks import try_lock

STATE_FILE = "stack.json"
_LOCK_FILE = "lock"
_IDS_KEY_FILE = "ids.key"
_EPHEMERAL_PREFIX = "postpulse-up-"
#: How long a left-over server may take to end by itself.
_ORPHAN_GRACE_SECONDS = 6.0


def default_data_dir() -> Path:
    """Where data is kept when no directory is named: the user's own data folder."""
    return platformdirs.user_data_path("postpulse")


@dataclass(frozen=True, slots=True)
class StackState:
    """What `stack.json` says.

    Attributes:
        supervisor: the `postpulse up` that wrote it.
        processes: all that it started, in the order of their start; some may have ended.
        address: of the APIs; None until it is known.
        environment: the settings with which other commands reach the stack.
        details: everything else, for people.
    """

    supervisor: ProcessRecord
    processes: tuple[ProcessRecord, ...]
    address: str | None
    environment: dict[str, str]
    details: dict[str, Any]


def read_state(data_dir: Path) -> StackState | None:
    """The state in a data directory, of a stack that runs or that was killed; None if there is none."""
    found = read_json(data_dir / STATE_FILE)
    try:
        return StackState(
            supervisor=ProcessRecord(**found.pop("supervisor")),
            processes=tuple(ProcessRecord(**record) for record in found.pop("processes")),
            address=found.pop("address"),
            environment=found.pop("environment"),
            details=found,
        )
    except (KeyError, TypeError):
        return None


def write_state(data_dir: Path, state: StackState) -> None:
    """Replace the state, whole."""
    write_json(
        data_dir / STATE_FILE,
        {
            **state.details,
            "address": state.address,
            "supervisor": _as_json(state.supervisor),
            "processes": [_as_json(record) for record in state.processes],
            "environment": state.environment,
        },
    )


@contextmanager
def claim(data_dir: Path) -> Iterator[list[ProcessRecord]]:
    """Have the directory for ourselves inside the `with`, and nothing of an earlier run left in it.

    Yields:
        The processes of an earlier run that were still there and have been ended.

    Raises:
        EmbeddedError: another `postpulse up` has it, or it cannot be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = try_lock(data_dir / _LOCK_FILE)
    except OSError as exc:
        raise EmbeddedError(
            f"The data directory {data_dir} cannot be written ({exc.strerror}): make it writable, or name"
            " another one with --data-dir."
        ) from exc
    if lock is None:
        raise EmbeddedError(_who_has_it(data_dir))
    try:
        yield _end_left_over(data_dir)
        (data_dir / STATE_FILE).unlink(missing_ok=True)
    finally:
        os.close(lock)


def ids_key(data_dir: Path) -> str:
    """The secret behind the post ids of this directory, made on first use and readable by its owner alone."""
    path = data_dir / _IDS_KEY_FILE
    kept = read_json(path).get("key")
    if isinstance(kept, str) and kept:
        return kept
    made = secrets.token_urlsafe(32)
    write_json(path, {"key": made})
    return made


@contextmanager
def ephemeral_data_dir() -> Iterator[Path]:
    """A throw-away directory, removed at the end. What killed runs have left of theirs is removed as well."""
    for left in Path(tempfile.gettempdir()).glob(f"{_EPHEMERAL_PREFIX}*"):
        if left.stat().st_uid == os.getuid() and (left / _LOCK_FILE).exists():
            _sweep(left)
    folder = Path(tempfile.mkdtemp(prefix=_EPHEMERAL_PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(folder: Path) -> None:
    try:
        with claim(folder):
            pass
    except EmbeddedError:
        return
    shutil.rmtree(folder, ignore_errors=True)


def _who_has_it(data_dir: Path) -> str:
    state = read_state(data_dir)
    if state is None:
        return (
            f"Another `postpulse up` is just starting on {data_dir}: wait for it, or name another --data-dir."
        )
    since = state.details.get("started_at", "some time ago")
    where = f", address {state.address}" if state.address else ""
    return (
        f"A `postpulse up` has {data_dir} already: process {state.supervisor.pid}, since {since}{where}."
        " Stop it with Ctrl-C there, or name another --data-dir (and --port)."
    )


def _end_left_over(data_dir: Path) -> list[ProcessRecord]:
    """End what a killed run has left: what uses the servers first, the servers after it."""
    state = read_state(data_dir)
    ended: list[ProcessRecord] = []
    if state is not None:
        for stage in (0, 1, 2):
            records = [record for record in state.processes if _stage(record) == stage]
            ended += end_together(records, _ORPHAN_GRACE_SECONDS)
    return ended


def _stage(record: ProcessRecord) -> int:
    return 1 if record.name.startswith("kafka") else 2 if record.name.startswith("mongod") else 0


def free_bytes(data_dir: Path) -> int:
    """Free space where the directory is, or will be made."""
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    return int(psutil.disk_usage(str(existing)).free)


def _as_json(record: ProcessRecord) -> dict[str, Any]:
    return {"name": record.name, "pid": record.pid, "started_at": record.started_at}
