"""`postpulse up`: the whole stack on this machine."""

import os
import re
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from postpulse.cli.progress import FetchProgress
from postpulse.cli.signals import stop_signals
from postpulse.settings import Settings, load_settings

if TYPE_CHECKING:
    from postpulse.embedded.stack import Stack
    from postpulse.embedded.wiring import StackOptions


@click.command("up")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the APIs; 0 takes a free one. Default 5000.")
@click.option("--host", help="Address that the APIs listen on. Default 127.0.0.1: this machine alone.")
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Kafka brokers."
)
@click.option(
    "--mongo-members", type=click.Choice(["1", "3"]), default="1", show_default=True, help="mongod processes."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept. Default: postpulse in your data folder.",
)
@click.option("--ephemeral", is_flag=True, help="Keep nothing: a throw-away directory, removed at the end.")
def command(
    port: int | None,
    host: str | None,
    workers: int,
    brokers: str,
    mongo_members: str,
    data_dir: Path | None,
    ephemeral: bool,
) -> None:
    """Start Kafka, MongoDB, both APIs and a worker, until Ctrl-C.

    The servers are the real ones, on 127.0.0.1 only. The first start fetches Apache Kafka (40 MB); later ones
    need no network. Ctrl-C stops everything in order, a second Ctrl-C at once. Where
    POSTPULSE_KAFKA_BOOTSTRAP_SERVERS or POSTPULSE_MONGO_URI is set, that server is used and none is started.

    \b
    Examples:
      postpulse up
      postpulse up --port 8080 --workers 2
      postpulse up --ephemeral --brokers 3 --mongo-members 3
    """
    from postpulse.embedded import checks
    from postpulse.embedded.data_dir import claim, default_data_dir, ephemeral_data_dir
    from postpulse.embedded.errors import EmbeddedError
    from postpulse.embedded.ports import choose_port
    from postpulse.embedded.supervisor import GaveUpError
    from postpulse.embedded.wiring import StackOptions

    if ephemeral and data_dir is not None:
        raise click.UsageError("--ephemeral and --data-dir exclude each other.")
    settings = load_settings()
    began = time.monotonic()
    wanted_port = settings.http.port if port is None else port
    problem: Exception | None = None
    with ExitStack() as resources:
        try:
            folder = (
                resources.enter_context(ephemeral_data_dir())
                if ephemeral
                else (data_dir or default_data_dir()).absolute()
            )
            options = StackOptions(
                data_dir=folder,
                host=host or settings.http.host,
                port=wanted_port or choose_port(),
                workers=workers,
                brokers=0 if "bootstrap_servers" in settings.kafka.model_fields_set else int(brokers),
                mongo_members=0 if "uri" in settings.mongo.model_fields_set else int(mongo_members),
            )
            if options.brokers or options.mongo_members:
                checks.check_system()
            checks.check_data_dir(folder)
            checks.check_disk_space(folder)
            for record in resources.enter_context(claim(folder)):
                click.echo(
                    f"Ended {record.name} (process {record.pid}), left over from a run that was killed."
                )
            # After the claim: what a killed run has left may have held it.
            checks.check_port(options.host, options.port)
            _run(options, settings, began)
        except (EmbeddedError, GaveUpError) as exc:
            problem = exc
    if problem is not None:
        click.echo(f"Error: {problem}", err=True)
    else:
        click.echo("Stopped.")
    _exit(0 if problem is None else 1)


def _run(options: "StackOptions", settings: Settings, began: float) -> None:
    from postpulse.embedded.stack import Stack

    def on_ready(stack: Stack) -> None:
        click.echo(summary(stack, time.monotonic() - began))

    def report(message: str) -> None:
        click.echo(message, err=True)

    stack = Stack(options, settings, report, on_ready, FetchProgress())
    with stop_signals(stack.request_stop, stack.kill):
        click.echo(f"Starting on {options.data_dir} (Ctrl-C stops everything) …")
        stack.run()


def summary(stack: "Stack", seconds: float) -> str:
    """What a person wants to know when everything is up."""
    options = stack.options
    address = options.address
    lines = [
        "",
        f"  postpulse is up at {address} ({seconds:.1f} s)",
        "",
        "  Send a post:",
        f"    curl -X POST {address}/api/v1/posts/ -H 'Content-Type: application/json' \\",
        """      -d '{"content": "Kafka keeps every post. #streaming"}'""",
        "  Read its analysis, with the post_id of the answer:",
        f"    curl '{address}/api/v1/posts/<post_id>/analysis/?wait=5'",
        "",
        f"  Kafka     {stack.settings.kafka.bootstrap_servers}",
        f"  MongoDB   {_without_password(stack.settings.mongo.uri.get_secret_value())}",
        f"  Data      {options.data_dir}",
        f"  Logs      {options.data_dir / 'logs'}: " + ", ".join(c.log_path.name for c in stack.children),
        "",
    ]
    return "\n".join(lines)


def _without_password(uri: str) -> str:
    return re.sub(r"//[^@/]*@", "//…@", uri)


def _exit(code: int) -> NoReturn:
    """Leave, even where a fetch that was cut short still waits for the network."""
    waiting = [t for t in threading.enumerate() if t is not threading.current_thread() and not t.daemon]
    if waiting:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
