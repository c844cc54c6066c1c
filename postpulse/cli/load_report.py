"""What `postpulse load` tells: progress, the files of ids and of refused posts, the summary."""

import io
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from postpulse.cli.posts_file import Block

if TYPE_CHECKING:
    from postpulse.cli.batch_client import Outcome

_REFUSED_SHOWN = 20


class LoadReport:
    """Counts outcomes, and writes them down in the order of the file.

    Args:
        ids: gets a line for each post, empty where it was refused.
        failures: gets a JSON line for each refused post.
    """

    def __init__(self, ids: IO[str] | None, failures: IO[str] | None) -> None:
        self.accepted = 0
        self.refused = 0
        self._ids = ids
        self._failures = failures
        self._shown: list[str] = []

    def write(self, outcomes: "Sequence[Outcome]") -> None:
        for outcome in outcomes:
            if self._ids is not None:
                self._ids.write(f"{outcome.post_id or ''}\n")
            if outcome.post_id is not None:
                self.accepted += 1
            else:
                self._refuse(outcome)

    def _refuse(self, outcome: "Outcome") -> None:
        self.refused += 1
        problem = outcome.problem or {}
        if len(self._shown) < _REFUSED_SHOWN:
            self._shown.append(f"line {outcome.line.number}: {problem.get('detail', problem)}")
        if self._failures is not None:
            post = outcome.line.body.decode(errors="replace") if outcome.line.body is not None else None
            refused = {"line": outcome.line.number, "problem": problem, "post": post}
            self._failures.write(json.dumps(refused, ensure_ascii=False) + "\n")

    def summary(self, seconds: float) -> dict[str, Any]:
        """The figures as JSON has them."""
        rate = self.accepted / seconds if seconds else 0.0
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "seconds": round(seconds, 2),
            "posts_per_second": round(rate),
        }

    def list_refused(self) -> None:
        """The first refused posts, on stderr."""
        for line in self._shown:
            click.echo(line, err=True)
        if self.refused > len(self._shown):
            click.echo(f"… and {self.refused - len(self._shown)} more; --failures writes them all.", err=True)


@contextmanager
def progress(source: io.FileIO, show: bool) -> Iterator[Callable[[Block, int], None]]:
    """A bar on stderr, if that is a terminal; call what it gives with each finished block and its refused posts."""
    if not show or not sys.stderr.isatty():
        yield lambda block, refused: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    status = os.fstat(source.fileno())
    bar = Progress(
        BarColumn(),
        TextColumn(
            "{task.fields[posts]:,} posts  {task.fields[rate]:,.0f}/s  {task.fields[refused]:,} refused"
        ),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        total = status.st_size if stat.S_ISREG(status.st_mode) else None
        task = bar.add_task("load", total=total, posts=0, refused=0, rate=0.0)
        posts = refused_posts = 0

        def advance(block: Block, refused: int) -> None:
            nonlocal posts, refused_posts
            posts += len(block.lines)
            refused_posts += refused
            rate = posts / max(bar.tasks[0].elapsed or 0.0, 0.001)
            # Blocks may finish out of order.
            done = max(bar.tasks[0].completed, block.position)
            bar.update(task, completed=done, posts=posts, refused=refused_posts, rate=rate)

        yield advance
