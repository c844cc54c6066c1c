"""Posts and tombstones into the log: accepted means that the brokers have acknowledged them."""

import re
from collections.abc import Sequence

from postpulse import events
from postpulse.events import Headers, Post
from postpulse.kafka.publisher import Publisher, PublishError, Record, RecordTooLargeError
from postpulse.telemetry import metrics
from postpulse.web.problems import Problem, unavailable

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_RETRY_AFTER_SECONDS = 2

_accepted = metrics.POSTS_ACCEPTED.labels("log")
_HEADERS = events.headers(Post)


class Acceptance:
    """The way of accepted posts into `posts.v1`."""

    def __init__(self, publisher: Publisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic

    async def accept(self, post: Post, traceparent: str | None = None) -> None:
        """Send a post; returns when it is acknowledged.

        Raises:
            Problem: 413 or 503; it is not accepted.
        """
        try:
            await self._publisher.send(self._record(post, _headers(traceparent)))
        except PublishError as error:
            raise _problem(error) from None
        _accepted.inc()

    async def accept_all(self, posts: Sequence[Post], traceparent: str | None = None) -> list[Problem | None]:
        """Send posts in order; returns when the fate of each is known.

        Returns:
            One result a post, in order: None where it is accepted.
        """
        headers = _headers(traceparent)
        try:
            errors = await self._publisher.send_all([self._record(post, headers) for post in posts])
        except PublishError as error:
            errors = [error] * len(posts)
        problems = [_problem(error) if error is not None else None for error in errors]
        _accepted.inc(problems.count(None))
        return problems

    async def delete(self, post_id: str) -> None:
        """Put a tombstone into the log.

        Raises:
            Problem: 503; nothing is deleted.
        """
        try:
            await self._publisher.send(Record(self._topic, post_id.encode(), None, []))
        except PublishError as error:
            raise _problem(error) from None

    def _record(self, post: Post, headers: Headers) -> Record:
        return Record(self._topic, post.post_id.encode(), events.encode(post), headers)


def _headers(traceparent: str | None) -> Headers:
    if traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        return _HEADERS
    return events.headers(Post, traceparent)


def _problem(error: PublishError) -> Problem:
    if isinstance(error, RecordTooLargeError):
        metrics.POSTS_REFUSED.labels("too_large").inc()
        return Problem(413, "The post is larger than the log takes.")
    metrics.POSTS_REFUSED.labels("unavailable").inc()
    return unavailable(f"Not accepted: {error}. Send it again later.", _RETRY_AFTER_SECONDS)
