"""`postpulse spool`: what the ingest API keeps while the brokers are away."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from postpulse.cli.reach import reach
from postpulse.cli.tables import print_json, print_table
from postpulse.settings import Settings, variable_name
from postpulse.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from producer_api.spool.report import SpoolReport

_SETTING = variable_name("spool", "directory")
_F = TypeVar("_F", bound=Callable[..., Any])


def _directory_option(function: _F) -> _F:
    return click.option(
        "--directory",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Of the spool. Default: {_SETTING}, else that of the running `postpulse up`.",
    )(function)


@click.group("spool")
def command() -> None:
    """Look at, check and drain the spool: the posts that the ingest API has accepted while the brokers were away.

    The service drains it by itself, in order, when they are back.

    \b
    Exit codes:
      0  done
      1  `verify`: damaged; `drain`: not all is in the log; the spool cannot be read
      2  wrong usage or settings

    \b
    Examples:
      postpulse spool status
      postpulse spool verify --directory /var/spool/postpulse
      postpulse spool drain --directory /var/spool/postpulse
    """


@command.command()
@_directory_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(directory: Path | None, as_json: bool) -> None:
    """Show how much is in the spool, and how old it is. A service may use it meanwhile.

    \b
    Exit codes:
      0  shown
      1  there is no spool in the directory, or it cannot be read
      2  wrong usage or settings

    \b
    Examples:
      postpulse spool status
      postpulse spool status --json | jq .records
    """
    settings = reach(None)
    report = _look(_directory(directory, settings))
    limit = settings.spool.max_bytes
    if as_json:
        print_json({**report.document(), "limit": limit})
        return
    age = report.oldest_age_seconds
    rows = [
        ("Directory", report.directory),
        ("Records", report.records),
        ("Bytes", f"{report.bytes} of at most {limit}"),
        ("Oldest", None if age is None else f"{age:.0f} s"),
        ("Segments", report.segments),
        ("Set aside", ", ".join(report.set_aside) or None),
    ]
    print_table(("", ""), rows)


@command.command()
@_directory_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def verify(directory: Path | None, as_json: bool) -> None:
    """Read every record of the spool and check it. Changes nothing; a service may use it meanwhile.

    A torn end is no damage: its writer was killed, or writes at this moment, and has told nobody that it was done.
    Files that were set aside, as what could not be read or what the brokers will never take, count as damage
    until somebody has looked and moved them away.

    \b
    Exit codes:
      0  every record can be read
      1  damaged, or it cannot be read at all
      2  wrong usage or settings

    \b
    Examples:
      postpulse spool verify
      postpulse spool verify --json --directory /var/spool/postpulse | jq .damage
    """
    report = _look(_directory(directory, reach(None)))
    if as_json:
        print_json(report.document())
    else:
        click.echo(f"{report.directory}: {report.records} records in {report.segments} segments can be read.")
        if report.torn_bytes:
            click.echo(f"{report.torn_bytes} bytes at the end are of a write that is not complete.")
        for damage in report.damage:
            click.echo(f"{damage.file}: {damage.bytes} bytes from {damage.offset} on are damaged.", err=True)
        for name in report.set_aside:
            click.echo(f"{name} was set aside.", err=True)
    sys.exit(0 if report.is_whole else 1)


@command.command()
@_directory_option
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up when nothing gets through for so long.",
)
def drain(directory: Path | None, timeout: float) -> None:
    """Send what is in the spool to Kafka, in order, where no service does: after a machine was moved, say.

    Where it is not finished, what is left stays in the spool; start it again.

    \b
    Exit codes:
      0    the spool is empty
      1    no broker takes the records, or the spool cannot be read
      2    wrong usage or settings; a service has the spool, and drains it by itself
      130  ended by Ctrl-C

    \b
    Examples:
      postpulse spool drain
      postpulse spool drain --directory /mnt/old/spool --timeout 300
    """
    from producer_api.spool.drain import DrainError, drain_all

    settings = reach(None)
    configure_logs(settings.log, "spool")
    where = _directory(directory, settings)
    _look(where)
    settings = settings.model_copy(update={"spool": settings.spool.model_copy(update={"directory": where})})
    try:
        drained = asyncio.run(drain_all(settings, timeout))
    except DrainError as exc:
        raise click.ClickException(str(exc)) from None
    click.echo(f"{where} is empty: {drained} records have left it.")


def _directory(given: Path | None, settings: Settings) -> Path:
    directory = given or settings.spool.directory
    if directory is None:
        raise click.UsageError(f"There is no spool: name one with --directory, or set {_SETTING}.")
    return directory


def _look(directory: Path) -> "SpoolReport":
    from producer_api.spool.report import look

    try:
        return look(directory)
    except OSError as exc:
        raise click.ClickException(f"The spool {directory} cannot be read: {exc.strerror}.") from None
