"""What `postpulse replay watch` shows while it waits."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

Document = dict[str, Any]


@contextmanager
def bar() -> Iterator[Callable[[Document], None]]:
    """A bar on stderr; call what it gives with the replay as it is. Where that is no terminal, a line a state."""
    if not sys.stderr.isatty():
        said = ""

        def say(replay: Document) -> None:
            nonlocal said
            if replay["state"] != said:
                said = replay["state"]
                click.echo(f"{said.capitalize()} ...", err=True)

        yield say
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    progress = Progress(
        BarColumn(),
        TextColumn(
            "{task.fields[state]}  {task.completed:,.0f} of {task.total:,.0f}  {task.fields[rate]:,.0f}/s  "
            "{task.fields[changed]:,} changed  {task.fields[left]}"
        ),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        task = progress.add_task("replay", total=1, state="", rate=0.0, changed=0, left="")

        def show(replay: Document) -> None:
            left = replay["seconds_left"]
            progress.update(
                task,
                total=max(1, replay["offsets"]),
                completed=replay["offsets_passed"],
                state=replay["state"],
                rate=replay["records_per_second"] or 0.0,
                changed=replay["changed"],
                left=_left(left) if left is not None else "",
            )

        yield show


def _left(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} left"
