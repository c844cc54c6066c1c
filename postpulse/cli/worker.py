"""`postpulse worker`: the stream processors, alone."""

import click
import uvloop

from postpulse.settings import Settings, load_settings
from postpulse.telemetry.logs import configure_logs

_LAST_PORT = 65_535


@click.command("worker")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Run so many workers as processes under this one. 1: this process is the worker itself.",
)
@click.option(
    "--child", type=int, nargs=2, hidden=True, help="Process id of the parent, number of this worker."
)
def command(processes: int, child: tuple[int, int] | None) -> None:
    """Run stream-processing workers until Ctrl-C, which lets them finish what they have begun; a second Ctrl-C
    does not.

    Workers share the partitions of their group: start as many as there are cores and partitions, here or on
    other machines.

    With --processes, a worker that dies is started again, after a pause that grows with each death. Where
    POSTPULSE_WORKER_METRICS_PORT is set, it is the port of the first worker; the second has the next one, and
    so on.

    \b
    Exit codes:
      0  stopped by a signal
      1  the worker cannot go on; with --processes: one has died five times in a row
         (being killed by a signal forty times, since that is how a record is found that does it)
      2  wrong usage or settings

    \b
    Examples:
      postpulse worker
      postpulse worker --processes 4
      POSTPULSE_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 postpulse worker
    """
    settings = load_settings()
    if processes > 1:
        _run_processes(settings, processes)
    else:
        _run_worker(settings, child)


def _run_worker(settings: Settings, child: tuple[int, int] | None) -> None:
    from stream_processors.app import run_worker
    from stream_processors.startup import WorkerFailedError

    if child is None:
        configure_logs(settings.log, "worker")
    else:
        from postpulse.cli.worker_processes import stop_with_parent

        parent, number = child
        stop_with_parent(parent, settings.worker.rebalance_grace_seconds)
        configure_logs(settings.log, f"worker-{number}")
    try:
        uvloop.run(run_worker(settings))
    except WorkerFailedError as exc:
        raise click.ClickException(str(exc)) from None


def _run_processes(settings: Settings, count: int) -> None:
    import structlog

    from postpulse.cli.signals import stop_signals
    from postpulse.cli.worker_processes import WorkerProcesses
    from postpulse.embedded.supervisor import GaveUpError

    first_port = settings.worker.metrics_port
    if first_port and first_port + count - 1 > _LAST_PORT:
        raise click.UsageError(
            f"{count} workers from POSTPULSE_WORKER_METRICS_PORT={first_port} on need ports above {_LAST_PORT}."
        )
    configure_logs(settings.log, "worker")
    workers = WorkerProcesses(count, settings, structlog.get_logger(__name__).error)
    try:
        with stop_signals(workers.request_stop, workers.kill):
            workers.run()
    except (GaveUpError, OSError) as exc:
        raise click.ClickException(str(exc)) from None
