"""Makes Java's ahead-of-time cache for the broker, which halves the time and the work of every start.

Once, by a run of a throw-away broker of about ten seconds, at a time when nobody waits for it.
"""

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

from postpulse.embedded.child import Recorder
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.java import find_java
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.ports import choose_port
from postpulse.embedded.processes import ProcessRecord
from postpulse.embedded.start_cache import QUIET, cache_path


class QuickStartMaker:
    """Makes the cache in the background, at the lowest priority.

    Args:
        work_dir: for the throw-away broker; removed at the end.
        recorder: told of every process before it runs.
    """

    def __init__(self, work_dir: Path, recorder: Recorder | None = None) -> None:
        path = cache_path(find_java())
        # Where it was tried before and did not work, it is not tried at every start.
        self._path = path if path and not path.exists() and not _tried(path).exists() else None
        # One name for each maker: two at once both make a cache, and either one is right.
        self._work_dir = work_dir
        self._made = work_dir / "made.aot"
        self._broker = EmbeddedKafka(
            work_dir / "broker",
            ports=[choose_port()],
            jvm_options=[f"-XX:AOTCacheOutput={self._made}", *QUIET],
            recorder=self._record,
        )
        self._recorder = recorder
        self._thread = threading.Thread(target=self._make, name="quick-start", daemon=True)
        self._cancelled = False

    def start(self) -> None:
        """Begin, if the cache is not there yet."""
        if self._path is not None and not self._thread.is_alive():
            self._thread.start()

    def cancel(self) -> None:
        """Kill what runs, without waiting for its end. The cache is made at a later start then."""
        self._cancelled = True
        # Java in the middle of writing its cache takes seconds to die.
        threading.Thread(target=self._broker.kill_all, name="quick-start-kill", daemon=True).start()

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it was over in time, one way or the other."""
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _record(self, record: ProcessRecord) -> None:
        if self._cancelled:
            raise EmbeddedError("The making of the cache was cancelled.")
        if self._recorder is not None:
            # Under a name of its own: the broker at work has the other one.
            self._recorder(ProcessRecord(f"quick-start {record.name}", record.pid, record.started_at))

    def _make(self) -> None:
        assert self._path is not None
        with suppress(EmbeddedError, OSError):
            self._broker.start()
            broker = self._broker.children[0]
            assert broker.pid is not None
            os.setpriority(os.PRIO_PROCESS, broker.pid, 19)
            # Java writes the cache while the broker's process ends, in a process that inherits the priority.
            broker.stop(grace_seconds=120)
            if self._made.exists() and not self._cancelled:
                # The data may be on another file system than the cache.
                beside = self._path.with_suffix(".new")
                beside.write_bytes(self._made.read_bytes())
                beside.replace(self._path)
        if not self._path.exists() and not self._cancelled:
            with suppress(OSError):
                _tried(self._path).touch()
        shutil.rmtree(self._work_dir, ignore_errors=True)


def _tried(path: Path) -> Path:
    return path.with_suffix(".tried")
