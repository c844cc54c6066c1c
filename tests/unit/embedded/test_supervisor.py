"""A child that dies is started again; one that dies again and again is given up."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postpulse.embedded.child import Child
from postpulse.embedded.supervisor import MAX_KILLS, GaveUpError, Supervisor
from tests.waiting import wait_until


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


def supervise(supervisor: Supervisor, what: str, condition: Callable[[], object]) -> None:
    """Supervise until the condition is true."""

    def checked() -> object:
        supervisor.check()
        return condition()

    wait_until(what, checked, 20)


@pytest.fixture
def steady(log: Path) -> Iterator[Child]:
    child = Child("steady", [sys.executable, "-c", "import signal; signal.pause()"], log)
    child.start()
    yield child
    child.kill()


def test_one_that_is_killed_is_reported_and_started_again(steady: Child, reports: list[str]) -> None:
    supervisor = Supervisor(reports.append, first_backoff_seconds=0.05)
    supervisor.watch(steady)
    first = steady.pid
    steady.kill()
    supervise(supervisor, "another process", lambda: steady.pid != first)
    assert steady.is_running
    assert len(reports) == 1
    assert "steady was ended by SIGKILL" in reports[0]
    assert "started again in 0.05 s" in reports[0]


def test_one_that_is_killed_is_started_again_for_longer(log: Path, reports: list[str]) -> None:
    child = Child("unlucky", ["/bin/sh", "-c", "kill -SEGV $$"], log)
    child.start()
    supervisor = Supervisor(reports.append, first_backoff_seconds=0.001, longest_backoff_seconds=0.001)
    supervisor.watch(child)
    with pytest.raises(GaveUpError) as caught:
        supervise(supervisor, "the end", bool)
    assert "unlucky was ended by SIGSEGV" in str(caught.value)
    assert f"died {MAX_KILLS} times in a row: giving up" in str(caught.value)
    assert len(reports) == MAX_KILLS - 1


def test_five_deaths_in_a_row_are_the_end(log: Path, reports: list[str]) -> None:
    child = Child("broken", ["/bin/sh", "-c", "echo no such partition; exit 3"], log)
    child.start()
    supervisor = Supervisor(reports.append, first_backoff_seconds=0.01)
    supervisor.watch(child)
    with pytest.raises(GaveUpError) as caught:
        supervise(supervisor, "the end", bool)
    assert "broken exited with code 3" in str(caught.value)
    assert "no such partition" in str(caught.value)
    assert "died 5 times in a row: giving up" in str(caught.value)
    assert len(reports) == 4
    assert [report.rpartition("again in ")[2] for report in reports] == [
        "0.01 s.",
        "0.02 s.",
        "0.04 s.",
        "0.08 s.",
    ]


def test_deaths_are_forgotten_after_a_healthy_time(log: Path, reports: list[str]) -> None:
    child = Child("aging", ["/bin/sh", "-c", "sleep 0.15"], log)
    child.start()
    supervisor = Supervisor(reports.append, healthy_seconds=0.1, first_backoff_seconds=0.01)
    supervisor.watch(child)
    supervise(supervisor, "seven reports", lambda: len(reports) == 7)
    assert all("again in 0.01 s" in report for report in reports)
    child.kill()


def test_a_program_that_is_gone_counts_as_a_death(log: Path, tmp_path: Path, reports: list[str]) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    child = Child("gone", [program], log)
    child.start()
    program.unlink()
    supervisor = Supervisor(reports.append, first_backoff_seconds=0.01)
    supervisor.watch(child)
    with pytest.raises(GaveUpError, match="127"):
        supervise(supervisor, "the end", bool)
