"""Posts and tombstones into the log, or into the spool while the brokers are away: accepted means kept."""

import re
import time
from collections.abc import Sequence

from postpulse import events
from postpulse.events import Headers, Post
from postpulse.kafka.publisher import Publisher, PublishError, Record, RecordTooLargeError
from postpulse.telemetry import metrics
from postpulse.topics import POSTS
from postpulse.web.problems import Problem, unavailable
from producer_api.spool.spool import Spool, SpoolError, SpoolFullError

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_RETRY_AFTER_SECONDS = 2
#: For room in a full spool, brokers must be back, and some of it drained.
_RETRY_AFTER_FULL_SECONDS = 10
#: Only what the log takes for certain is spooled; key, headers and the batch around a value are less than 4 KiB.
_MAX_SPOOLED_BYTES = POSTS.max_message_bytes - 4096

_logged = metrics.POSTS_ACCEPTED.labels("log")
_spooled = metrics.POSTS_ACCEPTED.labels("spool")
_HEADERS = events.headers(Post)
_NOT_TRIED = PublishError("what came before is not in the log yet")


class Acceptance:
    """The way of accepted posts into `posts.v1`: straight, or through the spool where the brokers do not take them.

    While the spool holds anything, all that comes lines up behind it: no tombstone overtakes its post. A post that
    was sent without an acknowledgement goes into the spool although it may be in the log: one post_id, one post.

    Args:
        topic: the full name of `posts.v1`.
        spool: None where there is none; what the brokers do not take is refused then.
    """

    def __init__(self, publisher: Publisher, topic: str, spool: Spool | None = None) -> None:
        self._publisher = publisher
        self._topic = topic
        self._spool = spool

    async def accept(self, post: Post, traceparent: str | None = None) -> None:
        """Keep a post; returns when the brokers have acknowledged it, or it is durable in the spool.

        Raises:
            Problem: 413 or 503; it is not accepted.
        """
        record = self._record(post, _headers(traceparent))
        failed = _NOT_TRIED
        # Not by way of _send_all: posts come one by one, thousands a second.
        if self._spool is None or not self._spool.holds or await self._spool.is_handed_over():
            try:
                await self._publisher.send(record)
            except PublishError as error:
                failed = error
            else:
                _logged.inc()
                return
        await self._spool_one(record, failed)
        _spooled.inc()

    async def accept_all(self, posts: Sequence[Post], traceparent: str | None = None) -> list[Problem | None]:
        """Keep posts in order; returns when the fate of each is known.

        Returns:
            One result a post, in order: None where it is accepted.
        """
        headers = _headers(traceparent)
        records = [self._record(post, headers) for post in posts]
        errors = await self._send_all(records)
        left = {index: error for index, error in enumerate(errors) if error is not None}
        _logged.inc(len(records) - len(left))
        problems: list[Problem | None] = [None] * len(records)
        if left:
            outcomes = await self._spool_all([(records[index], error) for index, error in left.items()])
            _spooled.inc(outcomes.count(None))
            for index, problem in zip(left, outcomes, strict=True):
                problems[index] = problem
        return problems

    async def delete(self, post_id: str) -> None:
        """Keep a tombstone; returns when it is acknowledged, or durable in the spool.

        Raises:
            Problem: 503; nothing is deleted.
        """
        headers = events.tombstone_headers(time.time_ns() // 1_000_000)
        tombstone = Record(self._topic, post_id.encode(), None, headers)
        (error,) = await self._send_all([tombstone])
        if error is not None:
            await self._spool_one(tombstone, error)

    async def _send_all(self, records: Sequence[Record]) -> list[PublishError | None]:
        """Straight to the log, unless there is something to line up behind: the error of each record."""
        if self._spool is not None and self._spool.holds and not await self._spool.is_handed_over():
            return [_NOT_TRIED] * len(records)
        try:
            return await self._publisher.send_all(records)
        except PublishError as error:
            return [error] * len(records)

    async def _spool_one(self, record: Record, error: PublishError) -> None:
        (problem,) = await self._spool_all([(record, error)])
        if problem is not None:
            raise problem

    async def _spool_all(self, failed: Sequence[tuple[Record, PublishError]]) -> list[Problem | None]:
        """Put records that were not acknowledged into the spool, but for those that will never be: all, or none."""
        spool = self._spool
        if spool is None:
            return [_problem(error) for _, error in failed]
        keepable = [
            not isinstance(error, RecordTooLargeError) and len(record.value or b"") <= _MAX_SPOOLED_BYTES
            for record, error in failed
        ]
        refused: Problem | None = None
        try:
            await spool.put([record for (record, _), keep in zip(failed, keepable, strict=True) if keep])
        except SpoolError as error:
            refused = _problem(error)
        return [
            refused if keep else _problem(error) for (_, error), keep in zip(failed, keepable, strict=True)
        ]

    def _record(self, post: Post, headers: Headers) -> Record:
        return Record(self._topic, post.post_id.encode(), events.encode(post), headers)


def _headers(traceparent: str | None) -> Headers:
    if traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        return _HEADERS
    return events.headers(Post, traceparent)


def _problem(error: PublishError | SpoolError) -> Problem:
    if isinstance(error, RecordTooLargeError):
        metrics.POSTS_REFUSED.labels("too_large").inc()
        return Problem(413, "The post is larger than the log takes.")
    full = isinstance(error, SpoolFullError)
    metrics.POSTS_REFUSED.labels("spool_full" if full else "unavailable").inc()
    return unavailable(
        f"Not accepted: {error}. Send it again later.",
        _RETRY_AFTER_FULL_SECONDS if full else _RETRY_AFTER_SECONDS,
    )
