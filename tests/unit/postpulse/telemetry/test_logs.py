"""Logs: one JSON object a line with what an operator asks for, and nothing that is not theirs to read."""

import json
import subprocess
import sys
from typing import Any

import pytest

_BEGIN = """
import logging, threading
import structlog
from postpulse.settings import LogSettings
from postpulse.telemetry.logs import configure_logs
configure_logs(LogSettings(level={level!r}, format={format!r}), "tests")
log = structlog.get_logger("postpulse.some.module")
"""


def run(program: str, level: str = "info", form: str = "json") -> str:
    """What a process writes to standard error, after its logs are configured."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _BEGIN.format(level=level, format=form) + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def lines(program: str, **options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(program, **options).splitlines()]


@pytest.mark.parametrize("form", ["json", "auto"])
def test_a_line_is_an_object_with_time_level_service_and_fields(form: str) -> None:
    (line,) = lines('log.info("two\\nlines", posts=3, path="/a/ü")', form=form)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "two\nlines",
        "level": "info",
        "logger": "postpulse.some.module",
        "service": "tests",
        "posts": 3,
        "path": "/a/ü",
    }


def test_a_terminal_gets_lines_for_people() -> None:
    output = run('log.warning("kafka is not reachable", broker="b1")', form="console")
    assert "kafka is not reachable" in output
    assert not output.startswith("{")


def test_libraries_take_the_same_way() -> None:
    (line,) = lines('logging.getLogger("some.library").warning("lost %s of %d", "one", 3)')
    assert (line["event"], line["logger"], line["level"], line["service"]) == (
        "lost one of 3",
        "some.library",
        "warning",
        "tests",
    )


def test_the_level_is_a_floor_and_chatty_libraries_have_a_higher_one() -> None:
    program = """
for name in ("pymongo.topology", "aiokafka", "faust.worker", "asyncio", "postpulse.some"):
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(name), level)(level)
log.debug("ours"), log.info("ours"), log.warning("ours")
"""

    def told(level: str) -> list[tuple[str, str]]:
        return [(line["logger"], line["level"]) for line in lines(program, level=level)]

    debug = told("debug")
    assert debug.count(("postpulse.some", "debug")) == debug.count(("postpulse.some.module", "debug")) == 1
    for name in ("pymongo.topology", "aiokafka", "faust.worker", "asyncio"):
        assert [level for logger, level in debug if logger == name] == ["warning", "error"]
    assert {level for _, level in told("warning")} == {"warning", "error"}
    assert {level for _, level in told("error")} == {"error"}


def test_lines_of_other_threads_name_the_service_too() -> None:
    program = """
def work():
    log.info("ours")
    logging.getLogger("some.library").warning("theirs")
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    assert [line["service"] for line in lines(program)] == ["tests", "tests"]


_FAILURE = """
password = "hush-password"
def take(content):
    secrets = [content]
    raise ValueError("cannot be taken")
try:
    take("hush: the content of a post")
except ValueError:
    {log}
"""


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "log", ['log.exception("failed")', 'logging.getLogger("some.library").exception("failed")']
)
def test_a_failure_tells_where_and_not_what_was_handled(form: str, log: str) -> None:
    output = run(_FAILURE.format(log=log), form=form)
    assert "cannot be taken" in output
    assert "ValueError" in output
    assert "take" in output
    # The values of variables are posts and passwords.
    assert "hush" not in output
    if form == "json":
        (line,) = (json.loads(line) for line in output.splitlines())
        assert line["level"] == "error"
        assert line["exception"][0]["frames"][-1]["name"] == "take"


def test_settings_in_a_line_are_masked() -> None:
    program = """
from postpulse.settings import KafkaSettings, MongoSettings
log.info("starting", kafka=KafkaSettings(sasl_password="hush"), mongo=MongoSettings(uri="mongodb://a:hush@b"))
"""
    (line,) = lines(program)
    assert "hush" not in json.dumps(line)
    assert "bootstrap_servers" in line["kafka"]
