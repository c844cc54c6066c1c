import fcntl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from postpulse.embedded.data_dir import read_state
from postpulse.embedded.processes import kill_group
from tests.e2e.stack import Up


@pytest.fixture
def _usual_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One test at a time, in whichever process: two that start at once would both find Kafka's port free."""
    with (tmp_path_factory.getbasetemp().parent / "usual-ports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def up(tmp_path: Path, _usual_ports: None) -> Iterator[Callable[..., Up]]:
    """Starts a `postpulse up`; whatever a test leaves running is ended by its recorded process id."""
    started: list[Up] = []

    def start(*arguments: str, ports: tuple[int, ...] = (), **variables: str) -> Up:
        started.append(Up(tmp_path / "data", *arguments, ports=ports, **variables))
        return started[-1]

    yield start
    for stack in started:
        if stack.process.poll() is None:
            stack.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                stack.process.wait(15)
        stack.process.kill()
        stack.process.wait()
        state = read_state(stack.data_dir)
        for record in state.processes if state else ():
            if record.find():
                kill_group(record.pid)
