"""`postpulse worker`: the stream processors, alone."""

import asyncio

import click

from postpulse.settings import load_settings
from postpulse.telemetry.logs import configure_logs


@click.command("worker")
def command() -> None:
    """Run a stream-processing worker until Ctrl-C.

    Workers share the partitions of their group: start as many as there are cores and partitions, here or on
    other machines.

    \b
    Examples:
      postpulse worker
      POSTPULSE_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 postpulse worker
    """
    from stream_processors.app import run_worker
    from stream_processors.startup import WorkerFailedError

    settings = load_settings()
    configure_logs(settings.log, "worker")
    try:
        asyncio.run(run_worker(settings))
    except WorkerFailedError as exc:
        raise click.ClickException(str(exc)) from None
