"""Processes that another run of this program has started, recognized by process id and start time."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

#: The start time that the system computes for a process moves a little when the clock is set.
_START_TIME_TOLERANCE = 2.0


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that cannot be taken for another one.

    Attributes:
        name: ours for it, for messages.
        pid: its process id.
        started_at: when it started, seconds since 1970.
    """

    name: str
    pid: int
    started_at: float

    @classmethod
    def of(cls, name: str, pid: int) -> "ProcessRecord":
        """The record of a running process.

        Raises:
            ProcessLookupError: there is no such process.
        """
        try:
            return cls(name, pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess as exc:
            raise ProcessLookupError(pid) from exc

    def find(self) -> psutil.Process | None:
        """The process if it still runs; None if it has ended, whoever may have its id now."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) <= _START_TIME_TOLERANCE
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def kill_group(pid: int) -> None:
    """SIGKILL to a process that leads its session, and to all it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def end_together(records: Iterable[ProcessRecord], grace_seconds: float) -> list[ProcessRecord]:
    """End those of the processes that still run: asked all at once, killed when the grace is over.

    Returns:
        Those that were running.
    """
    running = {record: process for record in records if (process := record.find()) is not None}
    for process in running.values():
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for record in _wait(list(running), grace_seconds):
        kill_group(record.pid)
    _wait(list(running), grace_seconds)
    return list(running)


def kill_all(records: Iterable[ProcessRecord]) -> None:
    """SIGKILL to those of the processes that still run, and to all they have started."""
    running = [record for record in records if record.find() is not None]
    for record in running:
        kill_group(record.pid)
    _wait(running, 2)


def _wait(records: list[ProcessRecord], timeout_seconds: float) -> list[ProcessRecord]:
    """Those that still run when the time is over."""
    # Not psutil.wait_procs: to it, a process that has ended runs until somebody has asked for its exit code.
    deadline = time.monotonic() + timeout_seconds
    while left := [record for record in records if record.find() is not None]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    return left
