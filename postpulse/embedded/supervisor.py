"""Keeps children running: one that dies is reported and started again, with backoff, until it is hopeless."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from postpulse.embedded.child import Child

#: Deaths in a row by its own exit, without a healthy time between them, after which a child is given up.
MAX_DEATHS = 5
#: The same where signals end it: workers die so until they know the records that kill them, four times for each.
MAX_KILLS = 40
_TAIL_LINES = 12


class GaveUpError(Exception):
    """A child has died too often; the message says which, how, and how its log ends."""


@dataclass(slots=True)
class _Watched:
    child: Child
    started_at: float
    deaths: int = 0
    exits: int = 0
    """Of these deaths, those in a row that no signal caused."""
    restart_at: float | None = None


class Supervisor:
    """Watches children that have been started.

    Args:
        report: told of each death and each restart, in words.
        healthy_seconds: a child that has run this long has its earlier deaths forgotten.
        first_backoff_seconds: before the first restart; doubles with each death in a row.
        longest_backoff_seconds: before any restart.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        healthy_seconds: float = 30.0,
        first_backoff_seconds: float = 0.5,
        longest_backoff_seconds: float = 5.0,
    ) -> None:
        self._report = report
        self._healthy = healthy_seconds
        self._first_backoff = first_backoff_seconds
        self._longest_backoff = longest_backoff_seconds
        self._watched: list[_Watched] = []

    def watch(self, child: Child) -> None:
        """Keep this child running from now on."""
        self._watched.append(_Watched(child, time.monotonic()))

    def check(self) -> None:
        """Look after every child; to be called a few times a second.

        Raises:
            GaveUpError: one has died `MAX_DEATHS` times in a row by itself, or was killed `MAX_KILLS` times.
        """
        now = time.monotonic()
        for watched in self._watched:
            if watched.restart_at is not None:
                if now >= watched.restart_at:
                    self._restart(watched, now)
            elif watched.child.ending is not None:
                self._bury(watched, watched.child.ending, now, killed=(watched.child.exit_code or 0) < 0)
            else:
                watched.child.bound_log()

    def _restart(self, watched: _Watched, now: float) -> None:
        watched.restart_at = None
        watched.started_at = now
        try:
            watched.child.start()
        except OSError as exc:
            self._bury(watched, f"could not be started: {exc}", now, killed=False)

    def _bury(self, watched: _Watched, ending: str, now: float, killed: bool) -> None:
        if now - watched.started_at >= self._healthy:
            watched.deaths = watched.exits = 0
        child = watched.child
        watched.deaths += 1
        watched.exits = 0 if killed else watched.exits + 1
        message = f"{child.name} {ending}. Its log, {child.log_path}, ends with:\n{_indented(child)}"
        if watched.exits >= MAX_DEATHS or watched.deaths >= MAX_KILLS:
            times = watched.exits if watched.exits >= MAX_DEATHS else watched.deaths
            raise GaveUpError(f"{message}\n{child.name} died {times} times in a row: giving up.")
        delay = min(self._first_backoff * 2 ** (watched.deaths - 1), self._longest_backoff)
        watched.restart_at = now + delay
        self._report(f"{message}\n{child.name} is started again in {delay:g} s.")


def _indented(child: Child) -> str:
    tail = child.log_tail(_TAIL_LINES) or "(nothing)"
    return "\n".join(f"    {line}" for line in tail.splitlines())
