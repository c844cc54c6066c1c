"""The APIs against what they say of themselves: Schemathesis calls every operation, with every check."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import aiohttp
import pytest

_PATIENCE_SECONDS = 180.0
_STREAM = "text/event-stream"


@pytest.mark.timeout(240)
async def test_schemathesis_finds_nothing(address: str, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/api/v1/openapi.json") as answer:
        described = await answer.read()
    # As a file: it does not call the operation that it has its document from.
    document, report = tmp_path / "openapi.json", tmp_path / "report.json"
    document.write_bytes(described)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "schemathesis.cli", "--no-color", "run", str(document), "--url", address),
        *("--report", "json", "--report-json-path", str(report)),
        # schemathesis.toml says there what is checked, and how much.
        cwd=Path(__file__).parent,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
    calls = [call for methods in json.loads(described)["paths"].values() for call in methods.values()]
    streams = [call for call in calls if _STREAM in call["responses"].get("200", {}).get("content", {})]
    done = json.loads(report.read_text())
    assert done["operations"]["tested"] == len(calls) - len(streams)
    assert {name: phase["status"] for name, phase in done["phases"].items()} == dict.fromkeys(
        ("examples", "coverage", "fuzzing", "stateful"), "success"
    )
