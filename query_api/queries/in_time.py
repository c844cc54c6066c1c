"""Questions that MongoDB may take long over: each has so much time, and running out of it is told one way."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError


class OutOfTimeError(Exception):
    """There was a server, but no answer within so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"There is no answer within {seconds:g} s")


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """What MongoDB is asked within this block has so much time; MongoDB itself ends what takes longer (maxTimeMS).

    Raises:
        OutOfTimeError: it was not enough.
    """
    with pymongo.timeout(seconds):
        try:
            yield
        except PyMongoError as exc:
            if exc.timeout and not isinstance(exc, ServerSelectionTimeoutError):
                raise OutOfTimeError(seconds) from None
            raise
