"""`postpulse generations`: full sets of the collections, of which queries see one."""

from pathlib import Path
from typing import Any

import click

from postpulse.cli.ask import ask, json_body
from postpulse.cli.reach import answer_options, api_address
from postpulse.cli.tables import print_json, print_table


@click.group("generations")
def command() -> None:
    """Look at generations of the collections, switch queries to one, let one go. Asks the query API.

    `postpulse replay start --all --into new` builds a new one from the log, and switches to it.

    \b
    Exit codes:
      0  done
      1  refused, there is none, or no API answers
      2  wrong usage or settings

    \b
    Examples:
      postpulse generations list
      postpulse generations switch 1
    """


@command.command("list")
@answer_options
def list_(as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """List generations, with what each is for and when it goes.

    \b
    Examples:
      postpulse generations list
      postpulse generations list --json
    """
    _show(ask(_address(url, data_dir))[1], as_json)


@command.command()
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@click.option(
    "--force", is_flag=True, help="Also to one that is being filled, or differs from the current one."
)
@answer_options
def switch(number: int, force: bool, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Answer queries from generation NUMBER. The current one is kept, and written on, for the grace time
    (`replay.grace_seconds`), so that one can switch back.

    \b
    Examples:
      postpulse generations switch 1
      postpulse generations switch 2 --force
    """
    answer = ask(f"{_address(url, data_dir)}{number}/switch/", *json_body({"force": force}))[1]
    _show(answer, as_json)


@command.command()
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@answer_options
def drop(number: int, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Let generation NUMBER go: its collections are dropped in a moment, and its replay ends.

    \b
    Examples:
      postpulse generations drop 1
    """
    _show(ask(f"{_address(url, data_dir)}{number}/", method="DELETE")[1], as_json)


def _show(answer: dict[str, Any], as_json: bool) -> None:
    generations = answer["generations"]
    if as_json:
        print_json(generations)
        return
    fields = ("number", "status", "analysis_version", "posts_estimated", "created_at", "drop_at")
    print_table(
        ("#Number", "Status", "#Version", "#Posts (about)", "Created at", "Goes at"),
        [[generation[field] for field in fields] for generation in generations],
    )


def _address(url: str | None, data_dir: Path | None) -> str:
    return f"{api_address(url, data_dir)}/api/v1/generations/"
