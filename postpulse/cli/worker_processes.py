"""Several worker processes under one parent: restarted when they die, stopped in order, never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from postpulse.embedded.child import Child
from postpulse.embedded.processes import ProcessRecord, kill_all
from postpulse.embedded.supervisor import Supervisor
from postpulse.embedded.wiring import worker_variables
from postpulse.settings import Settings, variable_name

_TICK_SECONDS = 0.1
#: A worker ends itself when its own stop takes too long; the parent waits a little longer than that.
_STOP_SECONDS_BEYOND_GRACE = 4.0
_TAIL_LINES = 50


class WorkerProcesses:
    """The workers of `postpulse worker --processes`; `run` is their whole life.

    Args:
        count: how many.
        settings: in force; a metrics port that is not 0 is the first worker's, and counts up from there.
        report: told in words of deaths and restarts.
    """

    def __init__(self, count: int, settings: Settings, report: Callable[[str], None]) -> None:
        self._report = report
        self._stop_seconds = settings.worker.rebalance_grace_seconds + _STOP_SECONDS_BEYOND_GRACE
        self._is_stopping = False
        self._workers = [_WorkerProcess(number, settings) for number in range(1, count + 1)]

    def request_stop(self) -> None:
        """Let `run` end as soon as it can; safe to call from a signal handler."""
        self._is_stopping = True

    def kill(self) -> None:
        """SIGKILL to all, at once; safe to call from a signal handler."""
        kill_all(worker.record for worker in self._workers if worker.record is not None)

    def run(self) -> None:
        """Keep the workers running until a stop is requested, then stop them.

        Raises:
            GaveUpError: one died too often.
        """
        supervisor = Supervisor(self._report)
        try:
            for worker in self._workers:
                worker.start()
                supervisor.watch(worker)
            while not self._is_stopping:
                supervisor.check()
                time.sleep(_TICK_SECONDS)
        finally:
            self._stop()

    def _stop(self) -> None:
        deadline = time.monotonic() + self._stop_seconds
        for worker in self._workers:
            worker.ask_to_stop()
        for worker in self._workers:
            if not worker.stop(max(0.0, deadline - time.monotonic())):
                self._report(f"{worker.name} did not stop in time and was killed.")


class _WorkerProcess(Child):
    """A worker whose log goes on to our standard error; its last lines are kept for the report of its death."""

    def __init__(self, number: int, settings: Settings) -> None:
        environment = {**os.environ, **worker_variables(settings, number)}
        if settings.log.format == "auto" and sys.stderr.isatty():
            # It writes to a pipe, but a person reads it.
            environment[variable_name("log", "format")] = "console"
        command = [sys.executable, "-m", "postpulse", "worker", "--child", str(os.getpid()), str(number)]
        super().__init__(f"worker-{number}", command, Path("/dev/stderr"), environment)
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._passing_on: threading.Thread | None = None

    def start(self) -> None:
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.environment,
            # As for every child: Ctrl-C in the terminal reaches the parent alone.
            start_new_session=True,
        )
        assert process.stderr is not None
        self._tail.clear()
        self._process = process
        self._record = ProcessRecord.of(self.name, process.pid)
        self._passing_on = threading.Thread(target=self._pass_on, args=(process.stderr,), daemon=True)
        self._passing_on.start()

    def log_tail(self, lines: int = 20) -> str:
        if self._passing_on is not None and not self.is_running:
            self._passing_on.join(1.0)
        return b"".join(list(self._tail)[-lines:]).decode(errors="replace").rstrip("\n")

    def bound_log(self) -> None:
        """Nothing to do: no file grows."""

    def _pass_on(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                self._tail.append(line)
                # In one piece, so that lines of several workers do not mix.
                os.write(2, line)


def stop_with_parent(pid: int, grace_seconds: float) -> None:
    """Have this process stopped, as by SIGTERM, when its parent has ended in whatever way.

    Not by PR_SET_PDEATHSIG: that is Linux alone, and misses a parent that has ended already.

    Args:
        pid: of the parent.
        grace_seconds: what the stop may take before the process is ended in the middle of it.
    """

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(0.25)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds + _STOP_SECONDS_BEYOND_GRACE)
        os._exit(1)

    threading.Thread(target=watch, name="stop-with-parent", daemon=True).start()
