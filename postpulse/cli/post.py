"""`postpulse post`: send one post, and see what becomes of it."""

import json
import time
from pathlib import Path
from typing import Any

import click

from postpulse.cli.ask import ask
from postpulse.cli.content import content_arguments, read_content
from postpulse.cli.reach import api_address, data_dir_option, url_option
from postpulse.cli.tables import cell, print_json, print_table

#: The longest that one request to the query API may ask to wait.
_LONGEST_WAIT_SECONDS = 20.0


@click.command("post")
@content_arguments
@click.option("--author", help="Who wrote it.")
@click.option("--lang", help="Its language, such as en or pt-br.")
@click.option("--source", help="Where it comes from.")
@click.option("--tag", "tags", multiple=True, help="May be given several times.")
@click.option(
    "--created-at", metavar="TIME", help="When it was written: RFC 3339, such as 2026-01-31T12:00:00Z."
)
@click.option("--idempotency-key", metavar="KEY", help="The same key and content give the same post again.")
@click.option("--wait", is_flag=True, help="Wait for the analysis and print it.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@url_option
@data_dir_option
def command(
    content: str | None,
    file: Path | None,
    author: str | None,
    lang: str | None,
    source: str | None,
    tags: tuple[str, ...],
    created_at: str | None,
    idempotency_key: str | None,
    wait: bool,
    timeout: float,
    as_json: bool,
    url: str | None,
    data_dir: Path | None,
) -> None:
    """Send one post; prints its post_id once the brokers have acknowledged it.

    The content is the argument, a file, or what comes on stdin.

    \b
    Exit codes:
      0  accepted, and with --wait analyzed
      1  refused, no API answers, or not analyzed in time
      2  wrong usage or settings

    \b
    Examples:
      postpulse post "Kafka keeps every post."
      postpulse post --wait --author ada --tag streaming "Faust reads them all!"
      postpulse post --file novel.txt --lang en
      date | postpulse post --json
    """
    given = {
        "author": author,
        "lang": lang,
        "source": source,
        "tags": list(tags) or None,
        "created_at": created_at,
    }
    post = {"content": read_content(content, file), **{name: v for name, v in given.items() if v is not None}}
    address = api_address(url, data_dir)
    headers = {"Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    _, accepted = ask(f"{address}/api/v1/posts/", json.dumps(post).encode(), headers)
    if not wait:
        if as_json:
            print_json(accepted)
        else:
            click.echo(accepted["post_id"])
        return
    analysis = _wait_for_analysis(f"{address}/api/v1/posts/{accepted['post_id']}/analysis/", timeout)
    if analysis is None:
        click.echo(accepted["post_id"])
        raise click.ClickException(f"The post is accepted, but not analyzed within {timeout:g} s.")
    if as_json:
        print_json(analysis)
    else:
        print_table(("", ""), [(name, cell(value)) for name, value in analysis.items()])


def _wait_for_analysis(url: str, seconds: float) -> dict[str, Any] | None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        began = time.monotonic()
        status, document = ask(f"{url}?wait={min(left, _LONGEST_WAIT_SECONDS):.3f}")
        if status == 200:
            return document
        # An API that answers at once all the same must not be asked in a tight loop.
        if time.monotonic() - began < 0.1:
            time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
    return None
