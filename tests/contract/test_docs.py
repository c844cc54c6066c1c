"""The page at `/docs/` in a browser, with nobody to ask but this server."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp

from tests.programs import need_program

_OFFLINE = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--no-first-run",
)
#: Its own sandbox needs rights that a container does not give.
_BARE = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")


async def test_a_browser_shows_every_operation_and_complains_of_nothing(address: str, tmp_path: Path) -> None:
    chromium = need_program("chromium")
    async with aiohttp.ClientSession() as http, http.get(f"{address}/api/v1/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    process = await asyncio.create_subprocess_exec(
        chromium,
        *_BARE,
        *_OFFLINE,
        f"--user-data-dir={tmp_path}",
        # Milliseconds of the page's own time, which stands still while it waits for the server.
        "--virtual-time-budget=20000",
        "--dump-dom",
        f"{address}/docs/",
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    shown = out.decode()
    assert [line for line in err.decode().splitlines() if "CONSOLE" in line] == []
    names = [call["operationId"] for calls in paths.values() for call in calls.values()]
    assert [name for name in names if f'-{name}"' not in shown] == []
