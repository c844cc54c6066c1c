"""`postpulse doctor`: can this machine run the stack, and does the one that runs do well?"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from postpulse.cli.tables import print_json, print_table
from postpulse.settings import ConfigurationError, Settings, load_settings

Status = Literal["ok", "note", "failing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `detail` says what was found or what to do."""

    check: str
    status: Status
    detail: str


@click.command("doctor")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="As for `postpulse up`.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="As for `postpulse up`.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON array.")
def command(data_dir: Path | None, port: int | None, as_json: bool) -> None:
    """Check whether this machine can run the stack, and how the running one is.

    Exit code 0 if nothing fails, 1 otherwise.

    \b
    Examples:
      postpulse doctor
      postpulse doctor --json --data-dir /srv/postpulse
    """
    findings = list(_findings(data_dir, port))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    sys.exit(1 if any(finding.status == "failing" for finding in findings) else 0)


def _findings(data_dir: Path | None, port: int | None) -> Iterator[Finding]:
    from postpulse.embedded import checks
    from postpulse.embedded.data_dir import default_data_dir
    from postpulse.embedded.running import find_running_stack

    folder = (data_dir or default_data_dir()).absolute()
    settings: Settings | None = None
    try:
        settings = load_settings()
        yield Finding("settings", "ok", "all allowed")
    except ConfigurationError as exc:
        yield Finding("settings", "failing", str(exc))
    yield _try("Python", checks.check_python)
    yield _try("packages", checks.check_packages)
    yield _try("system", checks.check_system)
    if settings is None or "bootstrap_servers" not in settings.kafka.model_fields_set:
        yield _try("Java", checks.check_java)
        yield _jars()
    else:
        yield Finding("Kafka", "note", f"{settings.kafka.bootstrap_servers}, as set; none is started here")
    if settings is None or "uri" not in settings.mongo.model_fields_set:
        yield _try("mongod", checks.check_mongod)
    else:
        yield Finding("mongod", "note", "POSTPULSE_MONGO_URI is set; none is started here")
    yield _try("data directory", lambda: checks.check_data_dir(folder))
    yield _try("disk space", lambda: checks.check_disk_space(folder))
    stack = find_running_stack(folder)
    if stack is None:
        host = settings.http.host if settings else "127.0.0.1"
        wanted = port or (settings.http.port if settings else 5000)
        yield _try("port", lambda: checks.check_port(host, wanted))
        yield Finding("running stack", "note", f"none on {folder}; `postpulse up` starts one")
        return
    yield from _running(stack.address, stack.state.supervisor.pid)


def _running(address: str, pid: int) -> Iterator[Finding]:
    from postpulse.embedded.readiness import why_not_ready

    reason = why_not_ready(f"{address}/health/ready")
    if reason is None:
        yield Finding("running stack", "ok", f"{address} is ready (process {pid})")
    else:
        yield Finding("running stack", "failing", f"{address} is not ready (process {pid}): {reason}")


def _jars() -> Finding:
    from postpulse.embedded.jars import cache_folder, jars_are_cached

    if jars_are_cached():
        return Finding("Kafka", "ok", f"in {cache_folder()}: a start needs no network")
    return Finding("Kafka", "note", "not fetched yet: the first start does it (40 MB) and needs the network")


def _try(name: str, check: Callable[[], str]) -> Finding:
    from postpulse.embedded.errors import EmbeddedError

    try:
        return Finding(name, "ok", check())
    except EmbeddedError as exc:
        return Finding(name, "failing", str(exc))


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    styles = {"ok": "green", "note": "yellow", "failing": "bold red"}
    print_table(
        ("Check", "Result", "Found"),
        [(f.check, Text(f.status, style=styles[f.status]), f.detail) for f in findings],
    )
