"""`python -m benchmarks`: run comparisons, print them, write docs/benchmarks.md."""

import json
from collections.abc import Callable
from importlib import import_module

import click

from benchmarks import report
from benchmarks.result import Result

_NAMES = ["transport", "ingest", "analysis", "pipeline", "stream", "query", "startup"]


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(_NAMES))
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON; progress goes to stderr.")
def main(names: tuple[str, ...], rounds: int, as_json: bool) -> None:
    """Run comparisons (all of them, if none is named) and write docs/benchmarks.md."""
    results = []
    for name in names or _NAMES:
        compare: Callable[[int, Callable[[str], None]], Result] = import_module(
            f"benchmarks.{name}.judge"
        ).compare
        click.echo(f"{name} …", err=True)
        result = compare(rounds, lambda text: click.echo(f"  {text}", err=True))
        report.keep(result)
        results.append(result)
        if not as_json:
            click.echo(f"\n{result.markdown()}")
    if as_json:
        click.echo(json.dumps([result.as_json() for result in results], indent=2))
    report.write(_NAMES)


main()
