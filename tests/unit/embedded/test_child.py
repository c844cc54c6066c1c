"""Children: their session, their log, their end, and that none runs unrecorded."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from postpulse.embedded.child import Child
from postpulse.embedded.processes import ProcessRecord, end_together
from tests.waiting import wait_until

STUBBORN = "import signal;signal.signal(signal.SIGTERM,signal.SIG_IGN);print('up',flush=True);signal.pause()"


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    made: list[Child] = []

    def make(program: str) -> Child:
        child = Child("program", [sys.executable, "-c", program], tmp_path / "logs" / "program.log")
        made.append(child)
        return child

    yield make
    for child in made:
        child.kill()


def test_output_goes_to_the_log_and_the_run_before_is_kept(python: Callable[[str], Child]) -> None:
    child = python("import os; print('run', os.getpid())")
    for _ in range(2):
        child.start()
        first = child.log_path.with_name("program.log.1")
        assert child.wait(10)
        assert child.ending == "exited with code 0"
    assert child.log_tail() == f"run {child.pid}"
    assert first.read_text().startswith("run ")
    assert first.read_text() != child.log_path.read_text()


def test_a_log_that_grows_too_large_is_cut_under_the_running_process(
    python: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postpulse.embedded.child._LOG_LIMIT_BYTES", 1000)
    child = python(
        "import select\nprint('x'*2000, flush=True)\n"
        "while True: select.select([], [], [], 0.02); print('more', flush=True)"
    )
    child.start()
    wait_until("output", lambda: child.log_path.stat().st_size > 2000)
    child.bound_log()
    wait_until("new output", lambda: child.log_tail().startswith("more"))
    assert child.log_path.stat().st_size < 1000


def test_it_leads_a_session_of_its_own(python: Callable[[str], Child]) -> None:
    child = python("import signal; signal.pause()")
    child.start()
    assert child.pid is not None
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    assert child.stop(5)
    assert child.ending == "was ended by SIGTERM"


def test_one_that_does_not_stop_is_killed_with_what_it_started(python: Callable[[str], Child]) -> None:
    child = python(f"import subprocess,sys;subprocess.run([sys.executable,'-c',{STUBBORN!r}])")
    child.start()
    wait_until("the program", lambda: child.log_tail() == "up")
    assert child.pid is not None
    inner = psutil.Process(child.pid).children()[0]
    outer_went_by_itself = child.stop(0.2)
    assert outer_went_by_itself  # python ends on SIGTERM; what it started does not
    child = python(STUBBORN)
    child.start()
    wait_until("the program", lambda: child.log_tail() == "up")
    assert not child.stop(0.2)
    assert child.ending == "was ended by SIGKILL"
    inner.kill()


def test_a_process_that_cannot_be_recorded_never_runs(tmp_path: Path) -> None:
    seen: list[ProcessRecord] = []

    def refuse(record: ProcessRecord) -> None:
        seen.append(record)
        raise RuntimeError("no room")

    child = Child("program", ["touch", tmp_path / "ran"], tmp_path / "log", recorder=refuse)
    with pytest.raises(RuntimeError, match="no room"):
        child.start()
    wait_until("its end", lambda: seen[0].find() is None)
    assert not (tmp_path / "ran").exists()


def test_a_parent_killed_before_it_has_recorded_leaves_nothing_behind(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from postpulse.embedded.child import Child
        def die(record):
            Path({str(tmp_path)!r}, "pid").write_text(str(record.pid))
            os.kill(os.getpid(), signal.SIGKILL)
        Child("c", ["touch", {str(tmp_path / "ran")!r}], Path({str(tmp_path)!r}, "log"), recorder=die).start()
    """)
    subprocess.run([sys.executable, "-c", parent], check=False, timeout=20)
    pid = int((tmp_path / "pid").read_text())
    wait_until(
        "its end", lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    )
    assert not (tmp_path / "ran").exists()


def test_a_recorded_process_is_told_by_its_start_time(python: Callable[[str], Child]) -> None:
    child = python("import signal; signal.pause()")
    child.start()
    record = child.record
    assert record is not None
    assert record.find() is not None
    another = ProcessRecord(record.name, record.pid, record.started_at - 60)
    assert another.find() is None
    assert end_together([another], 1) == []
    assert child.is_running
    assert end_together([record], 5) == [record]
    assert child.ending == "was ended by SIGTERM"


def test_recorded_processes_that_do_not_stop_are_killed(python: Callable[[str], Child]) -> None:
    children = [python(STUBBORN), python("import signal; signal.pause()")]
    for number, child in enumerate(children):
        child.log_path = child.log_path.with_name(f"{number}.log")
        child.start()
    wait_until("the first", lambda: children[0].log_tail() == "up")
    records = [child.record for child in children if child.record]
    assert len(end_together(records, 0.3)) == 2
    assert [child.ending for child in children] == ["was ended by SIGKILL", "was ended by SIGTERM"]


def test_it_is_asked_to_stop_once(python: Callable[[str], Child]) -> None:
    child = python(
        "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n"
        "print('up', flush=True)\nwhile True: signal.pause()"
    )
    child.start()
    wait_until("the program", lambda: child.log_tail() == "up")
    child.ask_to_stop()
    wait_until("the question", lambda: child.log_tail() == "up\nasked")
    assert not child.stop(0.2)
    assert child.log_tail() == "up\nasked"
