"""The tables of docs/metrics.md, from what each metric declares; `make docs` writes them, a test compares."""

import sys
from pathlib import Path

from postpulse.documents import written_between
from stream_processors.analysis.registry import METRICS


def documented(page: str) -> str:
    """The page with its two tables as the registry has them.

    Raises:
        ValueError: the page does not say where they stand.
    """
    return written_between(written_between(page, "values", _values()), "rules", _rules())


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


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(documented(path.read_text("utf-8")), "utf-8")
