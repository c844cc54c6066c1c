"""Results for streams to tell, published beside a test, and what must have come of them."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from postpulse.events import Analysis
from query_api.live.position import position_of
from tests.integration.query_api.reader import Event, Reader
from tests.integration.query_api.service import Service


def results(service: Service, count: int, filling: int = 300) -> list[Analysis]:
    """Of as many posts; every tenth one of an author whom filters know."""
    authors = ["ada", *(["eve"] * 9)]
    return [service.analysis(filling, author=authors[i % 10]) for i in range(count)]


@contextmanager
def telling(service: Service, told: Sequence[Analysis], at_once: int = 50) -> Iterator[threading.Thread]:
    """Publish results beside the test, each few acknowledged before the next; all are by the end of the block."""

    def tell() -> None:
        for begin in range(0, len(told), at_once):
            service.tell(*told[begin : begin + at_once])

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def ids_of(told: Sequence[Analysis]) -> list[str]:
    return [each.post_id for each in told]


def transport_of(reader: Reader) -> asyncio.Transport:
    """The client's end of the connection, to let it rest."""
    assert reader.response.connection is not None
    transport = reader.response.connection.transport
    assert transport is not None
    return transport


def assert_told_once(events: Sequence[Event], told: Sequence[Analysis]) -> None:
    """Each result once, and those of each partition in the order in which they were published."""
    assert sorted(event.data["post_id"] for event in events) == sorted(ids_of(told))
    newest: dict[int, int] = {}
    for event, following in pairwise(events):
        before, after = position_of(event.id or ""), position_of(following.id or "")
        assert not after.before(before)
        # Each record takes the place on, in its own partition.
        (partition,) = before.before(after)
        assert following.data["revision"] > newest.get(partition, 0)
        newest[partition] = following.data["revision"]
