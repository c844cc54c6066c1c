"""Everything that `postpulse up` runs: servers first, then APIs and workers, and their end in reverse."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from postpulse import __version__
from postpulse.embedded import wiring
from postpulse.embedded.child import Child
from postpulse.embedded.data_dir import StackState, write_state
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.jars import Progress
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.kafka_lock import KAFKA_VERSION
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.embedded.processes import ProcessRecord, kill_all
from postpulse.embedded.quick_start import QuickStartMaker
from postpulse.embedded.readiness import Readiness
from postpulse.embedded.supervisor import Supervisor
from postpulse.embedded.wiring import StackOptions
from postpulse.settings import Settings

#: The stop as a whole takes no longer than the last of these: seconds from its beginning, a stage each.
_API_STOP_SECONDS = 3.5
_WORKER_STOP_SECONDS = 5.5
_KAFKA_STOP_SECONDS = 8.0
_MONGO_STOP_SECONDS = 9.5
_TICK_SECONDS = 0.1
#: After everything is ready. A run that is over sooner leaves the making of the cache to a longer one.
_QUICK_START_DELAY_SECONDS = 15.0


class _StopRequestedError(Exception):
    """A stop was asked for while the stack was starting."""


class Stack:
    """One stack; `run` is its whole life.

    Args:
        options: what to start, and where.
        settings: in force for the user; the stack's own addresses are put in here.
        report: told in words of what a person should know.
        on_ready: called once, when the APIs answer.
        progress: told of every jar that is fetched.
    """

    def __init__(
        self,
        options: StackOptions,
        settings: Settings,
        report: Callable[[str], None],
        on_ready: Callable[["Stack"], None],
        progress: Progress | None = None,
    ) -> None:
        self.options = options
        self.settings = settings
        self._report = report
        self._on_ready = on_ready
        # Not an Event: a signal handler that sets one waits for ever if it came while the same thread waits.
        self._is_stopping = False
        self._state = _StateFile(options)
        logs = options.data_dir / "logs"
        self.kafka = (
            EmbeddedKafka(
                options.data_dir / "kafka",
                options.brokers,
                log_dir=logs,
                progress=progress,
                recorder=self._record,
            )
            if options.brokers
            else None
        )
        self.mongo = (
            EmbeddedMongo(
                options.data_dir / "mongo", options.mongo_members, log_dir=logs, recorder=self._record
            )
            if options.mongo_members
            else None
        )
        self._apis: list[Child] = []
        self._workers: list[Child] = []
        self._quick_start: QuickStartMaker | None = None

    @property
    def children(self) -> list[Child]:
        """Every process that is kept running, in the order in which they are stopped."""
        kafka = self.kafka.children if self.kafka else []
        mongo = self.mongo.children if self.mongo else []
        return [*self._apis, *self._workers, *kafka, *mongo]

    def request_stop(self) -> None:
        """Let `run` end as soon as it can; safe to call from a signal handler."""
        self._is_stopping = True

    def run(self) -> None:
        """Start everything, keep it running until a stop is requested, stop everything.

        Raises:
            EmbeddedError: a server cannot run here.
            GaveUpError: a child died too often.
        """
        self._state.write()
        try:
            self._start_servers()
            self._start_services()
            self._supervise()
        except _StopRequestedError:
            pass
        finally:
            self._is_stopping = True
            self._stop_all()

    def kill(self) -> None:
        """SIGKILL to everything, at once; safe to call from a signal handler."""
        self._is_stopping = True
        kill_all(self._state.processes)

    def _start_servers(self) -> None:
        self._run_together(*(server.start for server in (self.mongo, self.kafka) if server is not None))
        decided = wiring.decide(self.options, self.settings, self.kafka, self.mongo)
        self.settings = wiring.effective(self.settings, decided)
        self._state.environment = wiring.environment(decided)
        self._run_together(self._apply_topics, self._apply_collections)

    def _run_together(self, *tasks: Callable[[], None]) -> None:
        """Run the tasks in threads, until all are done, the first one fails or a stop is requested."""
        pool = ThreadPoolExecutor(max(1, len(tasks)), thread_name_prefix="start")
        running: list[Future[None]] = [pool.submit(task) for task in tasks]
        pool.shutdown(wait=False)
        while running:
            for future in [future for future in running if future.done()]:
                running.remove(future)
                future.result()
            if self._stops_within(_TICK_SECONDS / 5):
                raise _StopRequestedError

    def _apply_topics(self) -> None:
        from postpulse.kafka.admin import AdminError, apply_topics

        try:
            apply_topics(self.settings.kafka)
        except AdminError as exc:
            raise EmbeddedError(f"The topics could not be made: {exc}.") from exc

    def _apply_collections(self) -> None:
        from pymongo.errors import PyMongoError

        from postpulse.mongo.client import prepare_database

        try:
            asyncio.run(prepare_database(self.settings.mongo, "postpulse-up"))
        except PyMongoError as exc:
            raise EmbeddedError(f"The collections could not be made: {exc}.") from exc

    def _start_services(self) -> None:
        logs = self.options.data_dir / "logs"

        def child(name: str, command: Sequence[str], variables: dict[str, str]) -> Child:
            environment = {**os.environ, **self._state.environment, **variables}
            return Child(name, command, logs / f"{name}.log", environment, recorder=self._record)

        self._apis = [child("api", self.options.api_command, {})]
        self._workers = [
            child(f"worker-{n}", self.options.worker_command, wiring.worker_variables(self.settings, n))
            for n in range(1, self.options.workers + 1)
        ]
        for service in (*self._apis, *self._workers):
            service.start()

    def _supervise(self) -> None:
        supervisor = Supervisor(self._report)
        for child in self.children:
            supervisor.watch(child)
        readiness = Readiness(self.options.address)
        ready_at: float | None = None
        try:
            while not self._stops_within(_TICK_SECONDS):
                supervisor.check()
                if ready_at is None and readiness.is_ready:
                    ready_at = time.monotonic()
                    self._state.address = self.options.address
                    self._state.write()
                    self._on_ready(self)
                elif (reason := readiness.complaint()) is not None:
                    self._report(f"Still waiting for the APIs: {reason}.")
                if ready_at is not None and time.monotonic() - ready_at > _QUICK_START_DELAY_SECONDS:
                    self._make_quick_start()
        finally:
            readiness.cancel()

    def _stops_within(self, seconds: float) -> bool:
        time.sleep(seconds)
        return self._is_stopping

    def _make_quick_start(self) -> None:
        if self.kafka is not None and self._quick_start is None:
            self._quick_start = QuickStartMaker(self.options.data_dir / "quick-start", self._record)
            self._quick_start.start()

    def _stop_all(self) -> None:
        began = time.monotonic()

        def left(until: float) -> float:
            return max(0.1, began + until - time.monotonic())

        if self._quick_start is not None:
            self._quick_start.cancel()
        for services, until in ((self._apis, _API_STOP_SECONDS), (self._workers, _WORKER_STOP_SECONDS)):
            for child in services:
                child.ask_to_stop()
            for child in services:
                if not child.stop(left(until)):
                    self._report(f"{child.name} did not stop in time and was killed.")
        if self.kafka is not None:
            self.kafka.stop(left(_KAFKA_STOP_SECONDS))
        if self.mongo is not None:
            self.mongo.stop(left(_MONGO_STOP_SECONDS))
        if self._quick_start is not None:
            self._quick_start.wait(left(_MONGO_STOP_SECONDS))

    def _record(self, record: ProcessRecord) -> None:
        """Written down before the process runs: whenever we are killed, the next start finds it."""
        if self._is_stopping:
            raise EmbeddedError("The stack is stopping.")
        self._state.add(record)


class _StateFile:
    """What the stack says about itself in `stack.json`."""

    def __init__(self, options: StackOptions) -> None:
        self.address: str | None = None
        self.environment: dict[str, str] = {}
        self._data_dir = options.data_dir
        self._details = {
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"postpulse": __version__, "kafka": KAFKA_VERSION},
            "workers": options.workers,
            "brokers": options.brokers,
            "mongo_members": options.mongo_members,
        }
        self._supervisor = ProcessRecord.of("postpulse up", os.getpid())
        self._processes: dict[str, ProcessRecord] = {}
        self._writing = threading.Lock()

    @property
    def processes(self) -> list[ProcessRecord]:
        return list(self._processes.values())

    def add(self, record: ProcessRecord) -> None:
        # A child's earlier process has ended when its next one is recorded.
        self._processes[record.name] = record
        self.write()

    def write(self) -> None:
        with self._writing:
            processes = tuple(self.processes)
            write_state(
                self._data_dir,
                StackState(self._supervisor, processes, self.address, self.environment, self._details),
            )
