"""Sends blocks of posts to the ingest API, again where that helps, until the fate of each is known."""

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from postpulse.cli.posts_file import Block, Line

#: Blocks for each connection that are under way or wait for an earlier one to be written down.
_BLOCKS_AHEAD = 4
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_LONGEST_RETRY_AFTER_SECONDS = 60.0
_SILENCE_SECONDS = 60.0
#: Sent again later: nothing is wrong with the post. The others are final.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Answers to a whole request that are the fault of the post in front, not of the request.
_OF_THE_FIRST_POST = frozenset({413})


class LoadError(Exception):
    """Going on makes no sense: there is no API, or it refuses everything."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line: its post_id, or the problem document of the last answer."""

    line: Line
    post_id: str | None
    problem: dict[str, Any] | None = None


async def send_blocks(
    blocks: Iterator[Block],
    address: str,
    connections: int,
    retry_seconds: float,
    on_block: Callable[[Block, int], None],
    write: Callable[[list[Outcome]], None],
) -> None:
    """Send blocks over several connections, in bounded memory.

    Args:
        blocks: read in a thread.
        address: of the API, `http://host:port`.
        connections: how many blocks are under way at once.
        retry_seconds: how long a post is tried again while none of its block gets through.
        on_block: called when a block is finished, with the number of its refused posts; in any order.
        write: called with the outcomes of each block, in the order of the blocks.

    Raises:
        LoadError: the file cannot be read, no API has ever answered, or it refuses requests as a whole.
    """
    ahead = _ReadAhead(blocks)
    slots = asyncio.Semaphore(connections)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SILENCE_SECONDS),
    )
    client = BatchClient(session, address, retry_seconds)

    async def send(block: Block) -> list[Outcome]:
        async with slots:
            outcomes = await client.send(block)
        on_block(block, sum(outcome.post_id is None for outcome in outcomes))
        return outcomes

    sending: deque[asyncio.Task[list[Outcome]]] = deque()
    reading: asyncio.Task[Block | Exception | None] | None = asyncio.create_task(ahead.get())
    try:
        while reading is not None or sending:
            has_room = len(sending) < connections * _BLOCKS_AHEAD
            events: list[asyncio.Task[Any]] = [reading] if reading is not None and has_room else []
            await asyncio.wait([*events, *list(sending)[:1]], return_when=asyncio.FIRST_COMPLETED)
            while sending and sending[0].done():
                write(sending.popleft().result())
            if reading is not None and has_room and reading.done():
                block = reading.result()
                if isinstance(block, Exception):
                    raise LoadError(f"The file cannot be read: {block}.")
                reading = asyncio.create_task(ahead.get()) if block is not None else None
                if block is not None:
                    sending.append(asyncio.create_task(send(block)))
    finally:
        if reading is not None:
            reading.cancel()
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        await session.close()


class _ReadAhead:
    """The blocks, one ahead of who gets them; then None, or an exception where the file cannot be read."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Block | Exception | None] = asyncio.Queue()
        self._room = threading.Semaphore(1)
        # A daemon: it may wait for a terminal for ever.
        threading.Thread(target=self._read, name="read-ahead", daemon=True).start()

    async def get(self) -> Block | Exception | None:
        block = await self._queue.get()
        self._room.release()
        return block

    def _read(self) -> None:
        # A loop that has ended before the file refuses with a RuntimeError: nobody waits for the rest.
        with suppress(RuntimeError):
            try:
                for block in self._blocks:
                    self._put(block)
                self._put(None)
            except OSError as exc:
                self._put(exc)

    def _put(self, block: Block | Exception | None) -> None:
        self._room.acquire()
        self._loop.call_soon_threadsafe(self._queue.put_nowait, block)


class BatchClient:
    """Sends to one API.

    Args:
        session: its connections.
        address: of the API, `http://host:port`.
        retry_seconds: how long a post is tried again while none of its block gets through.
    """

    def __init__(self, session: aiohttp.ClientSession, address: str, retry_seconds: float) -> None:
        self._session = session
        self._url = f"{address}/api/v1/posts/batch/"
        self._retry_seconds = retry_seconds
        self._has_answered = False

    async def send(self, block: Block) -> list[Outcome]:
        """The outcome of each line, in order.

        Raises:
            LoadError: no API has ever answered, or it refuses requests as a whole.
        """
        outcomes = {line.number: _unsendable(line) for line in block.lines if line.body is None}
        left = [line for line in block.lines if line.body is not None]
        pause = _FIRST_PAUSE_SECONDS
        progress_at = time.monotonic()
        while left:
            attempt = await self._attempt(left)
            again = []
            # What has no answer may have been accepted all the same; its idempotency key makes that harmless.
            for line, result in zip(left, attempt.results, strict=True):
                if result is None or result["status"] in _PASSING:
                    again.append(line)
                else:
                    outcomes[line.number] = Outcome(line, result.get("post_id"), result.get("problem"))
            now = time.monotonic()
            if len(again) < len(left):
                progress_at, pause = now, _FIRST_PAUSE_SECONDS
            elif now - progress_at >= self._retry_seconds:
                problem = attempt.problem
                outcomes.update({line.number: Outcome(line, None, problem) for line in again})
                break
            left = again
            if left:
                await asyncio.sleep(max(attempt.retry_after, pause * random.uniform(0.5, 1.0)))  # noqa: S311
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return [outcomes[line.number] for line in block.lines]

    async def _attempt(self, lines: list[Line]) -> "_Attempt":
        attempt = _Attempt([None] * len(lines))
        body = b"".join((line.body or b"") + b"\n" for line in lines)
        try:
            async with self._session.post(
                self._url, data=body, headers={"Content-Type": "application/x-ndjson"}
            ) as response:
                if response.status == 200:
                    self._has_answered = True
                    await _read_results(response, attempt)
                else:
                    await self._refused(response, attempt)
        except aiohttp.InvalidURL:
            raise LoadError(f"{self._url} is no URL.") from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError) as exc:
            if not self._has_answered:
                raise LoadError(
                    f"{self._url} does not answer ({_reason(exc)}); `postpulse up` starts the APIs."
                ) from None
            attempt.problem = {"detail": f"The connection failed: {_reason(exc)}."}
        return attempt

    async def _refused(self, response: aiohttp.ClientResponse, attempt: "_Attempt") -> None:
        problem = _problem(await response.read(), response)
        if response.status in _OF_THE_FIRST_POST:
            attempt.results[0] = {"status": response.status, "problem": problem}
        elif response.status not in _PASSING:
            raise LoadError(f"{self._url} answers {response.status}: {problem['detail']}")
        self._has_answered = True
        attempt.problem = problem
        attempt.retry_after = _retry_after(response)


@dataclass(slots=True)
class _Attempt:
    """One request: a result for each line that has one, and why the others have none."""

    results: list[dict[str, Any] | None]
    problem: dict[str, Any] | None = None
    retry_after: float = 0.0


async def _read_results(response: aiohttp.ClientResponse, attempt: _Attempt) -> None:
    attempt.problem = {"detail": "The answer ended before the result of this post."}
    async for raw in response.content:
        result = msgspec.json.decode(raw)
        attempt.results[result["index"]] = result
        if result["status"] in _PASSING:
            attempt.problem = result.get("problem")


def _problem(body: bytes, response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = {}
    return {"status": response.status, "detail": response.reason, **document}


def _retry_after(response: aiohttp.ClientResponse) -> float:
    try:
        seconds = float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorError):
        return str(exc.os_error)
    return str(exc) or type(exc).__name__


def _unsendable(line: Line) -> Outcome:
    return Outcome(line, None, {"detail": line.fault})
