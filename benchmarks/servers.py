"""The servers that all contestants share, and the contestants' processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.embedded.ports import choose_port

ROOT = Path(__file__).resolve().parents[1]
ARTIFACTS = ROOT / ".artifacts" / "benchmarks"
OWN_PYTHON = Path(sys.executable)


@contextmanager
def servers() -> Iterator[tuple[EmbeddedKafka, EmbeddedMongo]]:
    """A broker and a mongod with data of their own, on free ports of 127.0.0.1."""
    folder = Path(tempfile.mkdtemp(prefix="postpulse-benchmarks-"))
    kafka = EmbeddedKafka(folder / "kafka", ports=[choose_port()])
    mongo = EmbeddedMongo(folder / "mongo", ports=[choose_port()])
    try:
        kafka.start()
        mongo.start()
        yield kafka, mongo
    finally:
        kafka.stop()
        mongo.stop()
        shutil.rmtree(folder, ignore_errors=True)


def peer_python(name: str, requirements: Path) -> Path:
    """The Python of a peer's own virtual environment; made, or made anew, when its requirements have changed."""
    folder = ARTIFACTS / "venvs" / name
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    wanted = requirements.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            requirements,
        ]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return python


@contextmanager
def running(
    command: Sequence[object], variables: Mapping[str, str], name: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A contestant's process, in a session of its own; ended by its process id, its log under `.artifacts/`."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("POSTPULSE_")}
    with (ARTIFACTS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**inherited, "PYTHONPATH": str(ROOT), **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
