"""Steady load whose effects are known: posts of counted words, some long, some deleted again."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

_WORDS = (
    "stream",
    "offset",
    "partition",
    "lag",
    "tombstone",
    "watermark",
    "upsert",
    "replay",
    "broker",
    "topic",
)
_AUTHORS = 20
_LONG_WORDS = 6_000
_RETRY_SECONDS = 0.25
_REQUEST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Sent:
    """An acknowledged post: what it must be counted as."""

    author: str
    words: int
    characters: int


class Load:
    """Sends posts, each again and again under its idempotency key until one of the APIs has acknowledged it.

    Args:
        addresses: of the APIs.
        per_second: posts.
        rng: decides what they are.
    """

    def __init__(self, addresses: Sequence[str], per_second: float, rng: random.Random) -> None:
        self._addresses = addresses
        self._pause = 1 / per_second
        self._rng = rng
        self._number = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._feeding: asyncio.Task[None] | None = None
        self.acknowledged: dict[str, Sent] = {}
        """post_id -> what it is, of those that were not deleted again."""
        self.deleted: set[str] = set()
        self.settled: set[str] = set()
        """Posts about which nothing more will be said."""
        self.refused = 0
        """Answers other than 2xx, and connections that failed: each was tried again."""
        self.slowest = 0.0
        """Seconds that the slowest 2xx took since this was last set to 0."""

    def start(self, session: aiohttp.ClientSession) -> None:
        """Begin to send, at the same pace whatever is answered."""
        self._feeding = asyncio.create_task(self._feed(session))

    async def stop(self, seconds: float) -> int:
        """Send no more; returns how many posts are not acknowledged after so many seconds."""
        if self._feeding is not None:
            self._feeding.cancel()
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        left = len(self._sending)
        for task in self._sending:
            task.cancel()
        return left

    def totals(self) -> dict[str, Counter[str]]:
        """What the counters must sum up to: author (`` for all) -> posts, words, characters."""
        totals: dict[str, Counter[str]] = {"": Counter()}
        for sent in self.acknowledged.values():
            for author in ("", sent.author):
                totals.setdefault(author, Counter()).update(
                    posts=1, words=sent.words, characters=sent.characters
                )
        return totals

    async def _feed(self, session: aiohttp.ClientSession) -> None:
        while True:
            task = asyncio.create_task(self._send(session))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            await asyncio.sleep(self._pause)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        self._number += 1
        number = self._number
        # The first one as well, so that no fault finds none.
        count = _LONG_WORDS if number % 100 == 1 else self._rng.randint(3, 30)
        # Sentences, so that a long one has places where it may be cut.
        content = f"post {number}. " + ". ".join(
            " ".join(self._rng.choices(_WORDS, k=min(10, count - at))) for at in range(0, count, 10)
        )
        author = f"author {self._rng.randrange(_AUTHORS)}"
        post_id = await self._until_acknowledged(
            session, "POST", "/api/v1/posts/", {"content": content, "author": author}, f"chaos-{number}"
        )
        self.acknowledged[post_id] = Sent(author, count + 2, len(content))
        if self._rng.random() < 0.03:
            await self._until_acknowledged(session, "DELETE", f"/api/v1/posts/{post_id}/")
            self.deleted.add(post_id)
            del self.acknowledged[post_id]
        self.settled.add(post_id)

    async def _until_acknowledged(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
        key: str | None = None,
    ) -> str:
        headers = {"Idempotency-Key": key} if key else {}
        limit = aiohttp.ClientTimeout(_REQUEST_SECONDS)
        while True:
            address = self._rng.choice(self._addresses)
            began = time.monotonic()
            try:
                async with session.request(
                    method, address + path, json=body, headers=headers, timeout=limit
                ) as answer:
                    if answer.status == 202:
                        self.slowest = max(self.slowest, time.monotonic() - began)
                        return str((await answer.json())["post_id"])
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.refused += 1
            await asyncio.sleep(_RETRY_SECONDS)
