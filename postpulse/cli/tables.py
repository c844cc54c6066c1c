"""Tables for people; what scripts read is `--json`."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

_WIDTH_OF_A_PIPE = 200


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print rows under their headings.

    Args:
        columns: one whose name begins with # is numbers, set to the right; no headings where all are
            empty.
        rows: of anything; None is printed as -, and a rich Text keeps its style.
        title: a line above.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column in columns:
        table.add_column(
            column.removeprefix("#"),
            overflow="fold",
            justify="right" if column.startswith("#") else "left",
        )
    for row in rows:
        table.add_row(
            *(cell if isinstance(cell, Text) else Text("-" if cell is None else str(cell)) for cell in row)
        )
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
    if title:
        console.print(Text(title, style="bold"))
    console.print(table)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def cell(value: Any) -> object:
    """A value of a JSON document as a table shows it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
