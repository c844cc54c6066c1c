"""`postpulse load`: a file of posts into the ingest API."""

import asyncio
import io
import re
import secrets
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import click

from postpulse.cli.load_report import LoadReport, progress
from postpulse.cli.posts_file import Format, read_blocks
from postpulse.cli.reach import api_address, data_dir_option, url_option
from postpulse.cli.tables import print_json

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@click.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", "ndjson", "text"]),
    default="auto",
    show_default=True,
    help="ndjson: a JSON object a line, as the API takes it. text: each line is the content of a post.",
)
@click.option("--ids", type=click.Path(path_type=Path, dir_okay=False), help="Write the post_ids there.")
@click.option(
    "--failures",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was refused there, NDJSON: line, problem, and the post itself as sent.",
)
@click.option("--connections", type=click.IntRange(1, 64), default=4, show_default=True, help="At once.")
@click.option(
    "--retry-seconds",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="How long to try again while the API takes nothing.",
)
@click.option(
    "--idempotency-key",
    metavar="KEY",
    help="Loading the same file again with the same key makes no second posts. Default: a new one.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@url_option
@data_dir_option
def command(
    file: str,
    form: str,
    ids: Path | None,
    failures: Path | None,
    connections: int,
    retry_seconds: float,
    idempotency_key: str | None,
    quiet: bool,
    as_json: bool,
    url: str | None,
    data_dir: Path | None,
) -> None:
    """Send a file of posts, - for stdin; each is acknowledged by the brokers before it counts as accepted.

    Blank lines are left out. Posts that the API cannot take at the moment are sent again, more and more slowly
    and as its Retry-After asks. The file of --ids has a line for each post, in order, empty where it was refused.

    \b
    Exit codes:
      0    every post is accepted
      1    some were refused, or no API answers
      2    wrong usage or settings
      130  interrupted

    \b
    Examples:
      postpulse load posts.ndjson
      postpulse load --format text tweets.txt --ids ids.txt --failures refused.ndjson
      zcat archive.gz | postpulse load - --connections 8 --json
    """
    from postpulse.cli.batch_client import LoadError, send_blocks

    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise click.UsageError("--idempotency-key must be 1 to 200 visible ASCII characters.")
    address = api_address(url, data_dir)
    key = idempotency_key or f"load-{secrets.token_hex(8)}"
    began = time.monotonic()
    exit_code, trouble = 0, None
    with ExitStack() as resources:
        try:
            # Without a buffer, as `read_blocks` wants it.
            source = resources.enter_context(io.FileIO(0, closefd=False) if file == "-" else io.FileIO(file))
            report = LoadReport(
                resources.enter_context(ids.open("w")) if ids else None,
                resources.enter_context(failures.open("w")) if failures else None,
            )
        except OSError as exc:
            raise click.UsageError(f"Cannot open {exc.filename}: {exc.strerror}.") from None
        blocks = read_blocks(source, None if form == "auto" else cast(Format, form), key)
        on_block = resources.enter_context(progress(source, show=not quiet))
        try:
            asyncio.run(send_blocks(blocks, address, connections, retry_seconds, on_block, report.write))
        except LoadError as exc:
            exit_code, trouble = 1, str(exc)
        except KeyboardInterrupt:
            exit_code, trouble = 130, "Interrupted."
    summary = {**report.summary(time.monotonic() - began), "idempotency_key": key}
    if as_json:
        print_json(summary)
    else:
        click.echo(
            "{accepted} accepted, {refused} refused in {seconds} s ({posts_per_second}/s)".format(**summary)
        )
    report.list_refused()
    if trouble is not None:
        click.echo(f"Error: {trouble}", err=True)
    if trouble is not None or (report.accepted and report.refused):
        # Even where no answer has come: posts on their way may have been accepted.
        click.echo(f"With --idempotency-key {key}, what is accepted already makes no second posts.", err=True)
    sys.exit(exit_code or (1 if report.refused else 0))
