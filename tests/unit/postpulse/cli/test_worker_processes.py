"""The parent of several workers, where its workers cannot start: no server is needed to see it give up."""

import socket
import subprocess
import sys

from postpulse.embedded.ports import choose_port, is_free

#: `postpulse worker`, with shorter pauses between the deaths of its workers.
_IMPATIENT = """
from functools import partial
from postpulse.cli import worker, worker_processes
worker_processes.Supervisor = partial(worker_processes.Supervisor, first_backoff_seconds=0.01)
worker.command()
"""


def test_a_worker_that_dies_five_times_in_a_row_ends_all() -> None:
    # The second worker's port, counted up from the setting, is taken.
    port = next(port for port in iter(choose_port, None) if is_free(port + 1)) + 1
    with socket.create_server(("127.0.0.1", port)):
        result = subprocess.run(
            [sys.executable, "-c", _IMPATIENT, "--processes", "2"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={
                "POSTPULSE_WORKER_METRICS_PORT": str(port - 1),
                "POSTPULSE_LOG_FORMAT": "json",
                # Where nobody is, and no other test has a broker.
                "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{choose_port()}",
            },
        )
    assert result.returncode == 1, result.stderr
    last = result.stderr.splitlines()
    assert last[-1] == "worker-2 died 5 times in a row: giving up."
    assert f"Error: cannot serve health on 127.0.0.1:{port}: " in last[-2]
    assert result.stderr.count("worker-2 is started again in") == 4
    assert "worker-1 is started again" not in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
