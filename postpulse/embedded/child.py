"""One child process: in a session of its own, its output in a log file, ended within a time limit."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from postpulse.embedded.processes import ProcessRecord, kill_group

#: Called with a process before its program runs; an exception keeps it from running.
Recorder = Callable[[ProcessRecord], None]
#: Waits for a line on standard input, then becomes the program: same process id, same start time. Without the
#: line, as when our own process has died meanwhile, it just ends.
_GATE = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "postpulse")
_LOG_LIMIT_BYTES = 20 * 1024 * 1024


class Child:
    """A process that can be started any number of times, one at a time.

    Args:
        name: ours for it, for messages and for its log file.
        command: the argument list.
        log_path: where its output goes; the log of the run before is kept beside it as `….1`.
        environment: all of its variables; None passes ours on.
        folder: its working directory.
        recorder: told of every process before its program runs, so that whoever comes after us finds all that
            we have started, at whatever moment we are killed.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = log_path
        self.environment = environment
        self.folder = folder
        self._recorder = recorder
        self._process: subprocess.Popen[bytes] | None = None
        self._record: ProcessRecord | None = None
        self._asked: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what ran before must have ended.

        Raises:
            OSError: the command or the log file cannot be opened.
        """
        if self.is_running:
            raise RuntimeError(f"{self.name} is running already")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._rotate_log()
        # Appending, so that the file can be cut short under the running process (bound_log).
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [*_GATE, *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
                # A session of its own: Ctrl-C in the terminal reaches the parent alone, which stops its
                # children in order.
                start_new_session=True,
            )
        gate = process.stdin
        assert gate is not None
        try:
            self._record = ProcessRecord.of(self.name, process.pid)
            if self._recorder is not None:
                self._recorder(self._record)
            self._process = process
            gate.write(b"\n")
        finally:
            with suppress(BrokenPipeError):
                gate.close()
            if self._process is not process:
                process.wait()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Of the process last started; None before the first."""
        return self._process.pid if self._process else None

    @property
    def record(self) -> ProcessRecord | None:
        """Process id and start time of the process last started."""
        return self._record

    @property
    def ending(self) -> str | None:
        """How the process ended, in words; None while it runs."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        if code < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"exited with code {code}"

    @property
    def exit_code(self) -> int | None:
        """Of the process last started: negative for a signal; None while it runs."""
        return self._process.poll() if self._process else None

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for its end; whether it came in time."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting; once only, for to our services a second one means at once."""
        if self._process is not None and self._process is not self._asked and self.is_running:
            self._asked = self._process
            self._process.terminate()

    def stop(self, grace_seconds: float = 10.0) -> bool:
        """Ask it to stop, and kill it with all it has started when the grace is over.

        Returns:
            Whether it went by itself.
        """
        self.ask_to_stop()
        if self.wait(grace_seconds):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, to it and to all it has started."""
        if self._process is not None and self.is_running:
            kill_group(self._process.pid)
            self._process.wait()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        with suppress(OSError), self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - 16_384))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        return ""

    def bound_log(self) -> None:
        """Move a log that has grown too large aside, to be called now and then while the process runs."""
        with suppress(OSError):
            if self.log_path.stat().st_size > _LOG_LIMIT_BYTES:
                shutil.copyfile(self.log_path, self._previous_log)
                os.truncate(self.log_path, 0)

    def _rotate_log(self) -> None:
        with suppress(FileNotFoundError):
            if self.log_path.stat().st_size > 0:
                self.log_path.replace(self._previous_log)

    @property
    def _previous_log(self) -> Path:
        return self.log_path.with_name(f"{self.log_path.name}.1")
