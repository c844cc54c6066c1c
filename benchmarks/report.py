"""`docs/benchmarks.md`, from the newest result of each comparison."""

import json
import os
import platform
from datetime import UTC, datetime
from typing import Any

import psutil

from benchmarks.result import Result
from benchmarks.servers import ARTIFACTS, ROOT

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`. Each table is one run: all contestants on the same machine and the same servers, in
turn, so read the ratios; the absolute figures are those of a small machine on which clients, brokers and services
share the cores. The programs of all contestants are under [`benchmarks/`](../benchmarks); each peer has its own
virtual environment.

```sh
make bench                              # all of them, some minutes
make bench ARGS='transport --rounds 5'
```
"""


def keep(result: Result) -> None:
    """Keep a result, with where and when it was reached."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    kept = {"result": result.as_json(), "machine": _machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    (ARTIFACTS / f"{result.name}.json").write_text(json.dumps(kept, indent=2))


def write(names: list[str]) -> None:
    """Write the page from what is kept of these comparisons; those that were not run here stay as they are."""
    page = ROOT / "docs" / "benchmarks.md"
    _, *parts = page.read_text().split("<!-- ")
    there = {name: text for name, _, text in (part.partition(" -->\n") for part in parts)}
    written = _INTRODUCTION
    for name in names:
        path = ARTIFACTS / f"{name}.json"
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text())
            there[name] = f"{Result(**kept['result']).markdown()}\n{kept['date']}, {kept['machine']}.\n\n"
        if name in there:
            written += f"\n<!-- {name} -->\n{there[name].strip()}\n"
    page.write_text(written)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"
