"""Who has a data directory, and what killed runs leave in it."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postpulse.embedded.child import Child
from postpulse.embedded.data_dir import (
    StackState,
    claim,
    ephemeral_data_dir,
    ids_key,
    read_state,
    write_state,
)
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.processes import ProcessRecord
from postpulse.embedded.running import adopt_running_stack, find_running_stack

GONE = ProcessRecord("gone", 2**22 - 7, 1.0)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    child = Child("worker-1", [sys.executable, "-c", "import signal; signal.pause()"], tmp_path / "log")
    child.start()
    yield child
    child.kill()


def state(supervisor: ProcessRecord, *processes: ProcessRecord) -> StackState:
    return StackState(
        supervisor,
        processes,
        "http://127.0.0.1:5999",
        {"POSTPULSE_HTTP_PORT": "5999"},
        {"started_at": "2025-01-01T00:00:00+00:00"},
    )


def test_a_second_one_is_told_who_has_it(tmp_path: Path) -> None:
    with claim(tmp_path):
        write_state(tmp_path, state(ProcessRecord.of("postpulse up", os.getpid())))
        with pytest.raises(EmbeddedError) as caught, claim(tmp_path):
            pass
    message = str(caught.value)
    for told in (str(tmp_path), str(os.getpid()), "2025-01-01", "http://127.0.0.1:5999", "--data-dir"):
        assert told in message
    with claim(tmp_path) as ended:
        assert ended == []


def test_what_a_killed_run_has_left_is_ended(tmp_path: Path, sleeper: Child) -> None:
    record = sleeper.record
    assert record is not None
    write_state(tmp_path, state(GONE, GONE, record))
    with claim(tmp_path) as ended:
        assert ended == [record]
    assert not sleeper.is_running
    assert read_state(tmp_path) is None


def test_another_process_with_a_recorded_id_is_left_alone(tmp_path: Path, sleeper: Child) -> None:
    record = sleeper.record
    assert record is not None
    write_state(tmp_path, state(GONE, ProcessRecord("kafka-1", record.pid, record.started_at - 3600)))
    with claim(tmp_path) as ended:
        assert ended == []
    assert sleeper.is_running


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"supervisor": 5}', '{"supervisor": {}, "processes": []}']
)
def test_a_damaged_state_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    assert read_state(tmp_path) is None
    with claim(tmp_path) as ended:
        assert ended == []


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="--data-dir"), claim(tmp_path / "file" / "data"):
        pass


def test_the_secret_of_post_ids_is_made_once_and_private(tmp_path: Path) -> None:
    key = ids_key(tmp_path)
    assert 16 <= len(key.encode()) <= 64
    assert ids_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "ids.key").stat().st_mode) == 0o600


def test_a_throw_away_directory_goes_and_takes_killed_ones_with_it(
    tmp_path: Path, sleeper: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    record = sleeper.record
    assert record is not None
    killed = tmp_path / "postpulse-up-killed"
    killed.mkdir()
    (killed / "lock").touch()
    write_state(killed, state(GONE, record))
    with ephemeral_data_dir() as used, claim(used):
        assert used.parent == tmp_path
        assert not killed.exists()
        assert not sleeper.is_running
        with ephemeral_data_dir():
            assert used.exists()
    assert not used.exists()


def test_a_running_stack_is_found_and_its_settings_taken_over(
    tmp_path: Path, sleeper: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_running_stack(tmp_path) is None
    record = sleeper.record
    assert record is not None
    write_state(tmp_path, state(record))
    monkeypatch.setenv("POSTPULSE_HTTP_PORT", "0")  # so that it is undone
    monkeypatch.delenv("POSTPULSE_HTTP_PORT")
    stack = adopt_running_stack(tmp_path)
    assert stack is not None
    assert stack.address == "http://127.0.0.1:5999"
    assert os.environ["POSTPULSE_HTTP_PORT"] == "5999"
    monkeypatch.setenv("POSTPULSE_HTTP_PORT", "6000")
    adopt_running_stack(tmp_path)
    assert os.environ["POSTPULSE_HTTP_PORT"] == "6000"
    sleeper.kill()
    assert find_running_stack(tmp_path) is None
