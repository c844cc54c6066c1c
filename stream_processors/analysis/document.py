"""The tables of docs/metrics.md, from what each metric declares; `make docs` writes them, a test compares."""

import sys
from pathlib import Path

from stream_processors.analysis.registry import METRICS

_VALUES = ("<!-- values: written by `make docs` -->", "<!-- end of values -->")
_RULES = ("<!-- rules: written by `make docs` -->", "<!-- end of rules -->")


def documented(page: str) -> str:
    """The page with its two tables as the registry has them.

    Raises:
        ValueError: the page does not say where they stand.
    """
    return _between(_between(page, _VALUES, _values()), _RULES, _rules())


def _values() -> str:
    rows = [
        f"| `{value.name}` | {value.unit} | {value.definition} |"
        for metric in METRICS
        for value in metric.values
    ]
    return "\n".join(["| value | unit | definition |", "|---|---|---|", *rows])


def _rules() -> str:
    rows = [
        f"| `{metric.name}` | {', '.join(f'`{value.name}`' for value in metric.values)} | {metric.carries} | "
        f"{metric.rule} |"
        for metric in METRICS
    ]
    head = "| metric | values | partial result of a chunk | merge rule |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def _between(page: str, marks: tuple[str, str], text: str) -> str:
    begin, end = marks
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(documented(path.read_text("utf-8")), "utf-8")
