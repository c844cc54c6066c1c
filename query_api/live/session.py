"""One open stream, from its greeting to its end: what was missed out of the log, then what the feed hands on."""

import asyncio
import secrets
from contextlib import suppress

from postpulse.telemetry import metrics
from query_api.live.filters import Filters
from query_api.live.hub import Hub
from query_api.live.outlet import Chunk, Outlet, StalledError
from query_api.live.past import Past, PlaceLostError
from query_api.live.position import Position, records_between
from query_api.live.records import event

#: Records that a stream may lie behind; one that is further is told so, and goes on with what comes.
MOST_BEHIND = 100_000
#: How long a reader may stay behind while it is read to; after that it comes back for the rest.
_BEHIND_SECONDS = 60.0
#: So that proxies do not take a quiet connection for a dead one.
_HEARTBEAT_SECONDS = 15.0
#: How often it is looked whether the client is there, and the brokers are. Nothing else would tell.
_LOOK_SECONDS = 5.0
#: Another process of the API may have read a little further than this one.
_AHEAD_SECONDS = 10.0
#: Clients come back after a time between these, so that they do not all come at once.
_RETRY_MS = (1000, 5000)

_BEAT = Chunk([b": still here\n\n"])

ANOTHER_LOG = "The id is of a log that is no more; what was in it is not told again."
TOO_OLD = f"The id is more than {MOST_BEHIND} results old; older ones are not told again."
NOT_THERE = "The log does not have the place any more that the id tells; what is missing is not told again."
TOO_SLOW = "Results came faster than they were read; come back with the id to go on after it."
OTHER_VERSION = "The id is of another version of this API, which does not know what was missed."


class _ResetError(Exception):
    """What was missed cannot be told; the message says why."""


class Session:
    """Runs one stream.

    Args:
        asked: where the reader was; None to begin with what comes.
        refused: why where it was is of no use, where that is known already.
    """

    def __init__(
        self,
        hub: Hub,
        past: Past,
        outlet: Outlet,
        filters: Filters,
        asked: Position | None,
        refused: str | None = None,
    ) -> None:
        self._hub = hub
        self._past = past
        self._outlet = outlet
        self._filters = filters
        self._at = asked
        self._refused = refused
        self._told_live = True
        self._behind_since: float | None = None

    async def run(self) -> None:
        """Tell what there is to tell, until the client goes, is too slow, or the service stops."""
        resumes = self._at is not None or self._refused is not None
        try:
            await self._until_following()
            if resumes:
                await self._resume()
            while not self._over:
                await self._read_on()
        except StalledError:
            await self._cut_off()
        if self._hub.closed and not self._outlet.paused:
            self._outlet.write(Chunk([retry(), b"\n"]))

    @property
    def _over(self) -> bool:
        return self._hub.closed or self._outlet.gone

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _until_following(self) -> None:
        """Wait for the feed to have a place in the log; the brokers may be away."""
        while self._hub.position is None and not self._over:
            self._look(None)
            await self._moved()

    async def _resume(self) -> None:
        """Find the place where the reader was, or tell that it is lost."""
        try:
            if self._refused is not None:
                raise _ResetError(self._refused)
            await self._until_reached()
        except _ResetError as reset:
            if self._hub.position is not None:
                self._at = self._hub.position.copy()
                self._reset(str(reset), self._at)
        else:
            metrics.STREAM_RESUMES.labels("continued").inc()

    async def _until_reached(self) -> None:
        asked = self._at
        assert asked is not None
        ahead_until: float | None = None
        while not self._over:
            position = self._hub.position
            assert position is not None
            if asked.log != position.log or len(asked.offsets) > len(position.offsets):
                raise _ResetError(ANOTHER_LOG)
            self._at = asked = asked.within(len(position.offsets))
            if not position.before(asked):
                return
            if not self._hub.live():
                ahead_until = None
            elif ahead_until is None:
                ahead_until = self._now + _AHEAD_SECONDS
            elif self._now > ahead_until:
                raise _ResetError(NOT_THERE)
            self._look(None)
            await self._moved()

    async def _read_on(self) -> None:
        """Read the log up to where the feed is, then what the feed hands on, while the reader keeps up with it."""
        outlet = self._outlet
        outlet.holding = True
        with self._hub.joined(outlet, self._filters) as until:
            if self._at is not None:
                try:
                    await self._read_log(self._at, until)
                except (_ResetError, PlaceLostError) as reset:
                    self._reset(NOT_THERE if isinstance(reset, PlaceLostError) else str(reset), until)
            outlet.holding = False
            if outlet.told_id is None:
                # A reader that comes back before the first event has missed nothing.
                self._tell_position(until)
            while not self._over:
                outlet.news.clear()
                await outlet.write_waiting()
                if outlet.left_behind is not None:
                    self._at = outlet.left_behind
                    self._refuse_to_lag()
                    return
                self._behind_since = None
                self._look(self._hub.position)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await outlet.news.wait()

    async def _read_log(self, at: Position, until: Position) -> None:
        """Tell what lies between two places of the log.

        Raises:
            _ResetError, PlaceLostError: it is not there any more, or too much.
            StalledError: the reader takes nothing, or not enough.
        """
        if at.log != until.log:
            raise _ResetError(ANOTHER_LOG)
        at = at.within(len(until.offsets))
        if records_between(at.before(until).values()) > MOST_BEHIND:
            raise _ResetError(TOO_OLD)
        # Where the feed has gone over to another log meanwhile, what waits says so.
        while at.before(until) and not self._over and self._hub.position_in(until.log):
            asked_at = self._now
            page = await self._past.page(at, until)
            # How long that took is not the reader's doing.
            if self._behind_since is not None:
                self._behind_since += self._now - asked_at
            told = page.told(self._filters)
            if told.records:
                self._outlet.write(told)
                metrics.STREAM_EVENTS.inc(told.records)
            at = page.behind.copy()
            await self._outlet.taken()
            self._refuse_to_lag()
            self._look(at)

    def _refuse_to_lag(self) -> None:
        """Raises StalledError where the reader has been behind for long, and not because of the brokers."""
        if self._behind_since is None or not self._hub.live():
            self._behind_since = self._now
        elif self._now - self._behind_since > _BEHIND_SECONDS:
            raise StalledError

    async def _cut_off(self) -> None:
        metrics.STREAMS_CUT_OFF.inc()
        told_id = self._outlet.told_id
        await self._outlet.last_word(
            Chunk([event("slow", {"reason": TOO_SLOW, "last_event_id": told_id}, told_id)], told_id)
        )

    def _reset(self, reason: str, position: Position) -> None:
        """Tell that something is missing, and that it goes on from this place."""
        metrics.STREAM_RESUMES.labels("reset").inc()
        told_id = position.id
        self._outlet.write(Chunk([event("reset", {"reason": reason}, told_id)], told_id))

    def _look(self, position: Position | None) -> None:
        """After a time without events, a word: where the reader stands, if that has changed, or a comment."""
        if self._hub.live() != self._told_live:
            self._tell_position(position)
        elif self._now - self._outlet.written_at >= _HEARTBEAT_SECONDS:
            if position is not None and position.id != self._outlet.told_id:
                self._tell_position(position)
            else:
                self._outlet.write(_BEAT)

    def _tell_position(self, position: Position | None) -> None:
        # Not an id alone, which browsers keep and other clients lose or take for an empty message.
        self._told_live = self._hub.live()
        told_id = None if position is None else position.id
        self._outlet.write(Chunk([event("position", {"live": self._told_live}, told_id)], told_id))

    async def _moved(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._hub.moved()


def retry() -> bytes:
    """The line that says when to come back, in milliseconds."""
    first, last = _RETRY_MS
    return b"retry: %d\n" % (first + secrets.randbelow(last - first + 1))
