"""Runs `postpulse` as its users do, with the event loop free to serve it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from postpulse.settings import Settings
from tests.pipeline import variables_of

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Done:
    """What a command has left: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Starts commands with settings of a test."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started: list[Process] = []

    async def start(self, *arguments: str, settings: Mapping[str, str] = MappingProxyType({})) -> Process:
        """A command with pipes on all its ends; `settings` are more variables."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTPULSE_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "postpulse",
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment | variables_of(self._settings) | dict(settings),
        )
        self._started.append(process)
        return process

    async def run(
        self, *arguments: str, stdin: bytes = b"", settings: Mapping[str, str] = MappingProxyType({})
    ) -> Done:
        """A command from start to end."""
        return await self.finish(await self.start(*arguments, settings=settings), stdin)

    async def finish(self, process: Process, stdin: bytes = b"") -> Done:
        """What is left of a started command when it ends; what it says is never a traceback or a warning."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            out, err = await process.communicate(stdin)
        assert process.returncode is not None
        done = Done(process.returncode, out.decode(), err.decode())
        assert "Traceback" not in done.err, done.err
        assert "Warning:" not in done.err, done.err
        return done

    async def close(self) -> None:
        for process in self._started:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def read_lines(process: Process, count: int) -> list[str]:
    """The next lines that the command prints."""
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]
