"""Streams that come back with `Last-Event-ID`: everything since, once, in order; or word of why not."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise

import pytest

from postpulse.events import Analysis
from postpulse.kafka.admin import admin_client
from postpulse.topics import topic_name
from query_api.keys import HUB, PAST
from query_api.live import log, outlet, session
from query_api.live.past import Page
from query_api.live.position import Position, position_of
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.reader import Event, Reader
from tests.integration.query_api.service import Service
from tests.waiting import until


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


async def fall_behind(service: Service, reader: Reader) -> list[Analysis]:
    """Let a reader rest until so much has been told that it does not wait for it any more; gives that."""
    (outlet,) = service.app[HUB]._open
    transport_of(reader).pause_reading()
    quick = await Reader.open(service.http)
    await quick.until_placed()
    told: list[Analysis] = []
    while outlet.left_behind is None:
        more = results(service, 100, filling=20_000)
        service.tell(*more)
        told += more
        await quick.until_told(*ids_of(more))
    await quick.close()
    return told


async def test_nothing_is_missed_or_doubled_however_often_the_connection_breaks(service: Service) -> None:
    told = results(service, 3000)
    reader = await Reader.open(service.http)
    await reader.until_placed()
    events: list[Event] = []
    with telling(service, told):
        for length in (1, 7, 60, 200, 411, 800):
            reader.stop_after(length)
            await reader.until_ended()
            events += reader.told[:length]
            await reader.close()
            reader = await Reader.open(service.http, after=reader.last_event_id)
        rest = len(told) - len(events)
        await reader.until("the rest", lambda _: len(reader.told) >= rest)
    events += reader.told
    await reader.close()
    assert_told_once(events, told)


async def test_filters_hold_for_what_was_missed(service: Service) -> None:
    reader = await Reader.open(service.http, author="ada")
    place = await reader.until_placed()
    await reader.close()
    told = results(service, 200)
    service.tell(*told)
    service.pipeline.send_raw(service.analyses, told[0].post_id.encode(), None)
    service.pipeline.flush()
    reader = await Reader.open(service.http, after=place, author="ada")
    wanted = ids_of([each for each in told if each.author == "ada"])
    await reader.until("the delete", lambda _: reader.named("deleted"))
    await reader.until_told(*wanted)
    assert sorted(event.data["post_id"] for event in reader.named("analysis")) == sorted(wanted)
    await reader.close()


async def test_the_id_may_come_as_a_parameter_and_the_header_goes_first(service: Service) -> None:
    reader = await Reader.open(service.http)
    first = await reader.until_placed()
    one, other = results(service, 2)
    service.tell(one)
    await reader.until_told(one.post_id)
    second = reader.last_event_id
    assert second is not None
    service.tell(other)
    await reader.until_told(other.post_id)
    await reader.close()
    by_parameter = await Reader.open(service.http, last_event_id=first)
    await by_parameter.until_told(one.post_id, other.post_id)
    by_both = await Reader.open(service.http, after=second, last_event_id=first)
    await by_both.until_told(other.post_id)
    assert by_both.post_ids == [other.post_id]
    await asyncio.gather(by_parameter.close(), by_both.close())


async def test_streams_go_on_over_a_restart_of_the_api(serve: Serve) -> None:
    async with serve() as service:
        await service.until_following()
        told = results(service, 600)
        reader = await Reader.open(service.http)
        await reader.until_placed()
        service.tell(*told[:200])
        await reader.until_told(*ids_of(told[:200]))
        await service.stop()
        await reader.until_ended()
    events = reader.told
    # Nobody follows.
    service.tell(*told[200:400])
    async with serve() as again:
        reader = await Reader.open(again.http, after=reader.last_event_id)
        again.tell(*told[400:])
        await reader.until_told(*ids_of(told[200:]))
        events += reader.told
        await reader.close()
    assert_told_once(events, told)


async def test_many_who_come_back_to_one_place_share_what_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, reads = service.app[PAST], 0
    read = past._page

    def counted(since: Position, until: Position) -> Page:
        nonlocal reads
        reads += 1
        return read(since, until)

    monkeypatch.setattr(past, "_page", counted)
    reader = await Reader.open(service.http)
    place = await reader.until_placed()
    told = results(service, 700)
    service.tell(*told)
    await reader.until_told(*ids_of(told))
    readers = await asyncio.gather(*(Reader.open(service.http, after=place) for _ in range(20)))
    for each in readers:
        await each.until_told(*ids_of(told))
        assert_told_once(each.told, told)
    assert 0 < reads < 20
    await asyncio.gather(*(each.close() for each in (reader, *readers)))


async def test_a_page_that_was_read_for_others_has_nothing_beyond_the_place_asked_for(
    service: Service,
) -> None:
    hub, past = service.app[HUB], service.app[PAST]
    assert hub.position is not None
    since = hub.position.copy()
    service.tell(*results(service, 30))
    await until("the feed", lambda: hub.position and sum(hub.position.offsets) == 30)
    end = hub.position.copy()
    records, behind = await past.page(since, end)
    assert (len(records), behind) == (30, end)
    before = Position(end.log, [offset - 1 for offset in end.offsets])
    records, behind = await past.page(since, before)
    assert (len(records), behind) == (27, before)


async def test_where_nothing_is_left_to_read_it_goes_on(serve: Serve) -> None:
    async with serve() as service:
        await service.until_following()
        reader = await Reader.open(service.http)
        place = await reader.until_placed()
    # What is behind the place takes offsets, and no reader ever gets it.
    aborted = service.pipeline.new_producer(**{"transactional.id": service.pipeline.settings.mongo.database})
    aborted.init_transactions(30)
    aborted.begin_transaction()
    for i in range(30):
        service.pipeline.send_raw(service.analyses, f"{i}".encode(), None, producer=aborted)
    aborted.flush(30)
    aborted.abort_transaction(30)
    async with serve() as again:
        await again.until_following()
        reader = await Reader.open(again.http, after=place)
        (one,) = results(again, 1)
        again.tell(one)
        await reader.until_told(one.post_id)
        assert reader.post_ids == [one.post_id]
        await reader.close()


async def test_a_process_that_has_read_less_than_another_tells_nothing_twice(
    service: Service, serve: Serve
) -> None:
    reader = await Reader.open(service.http)
    await reader.until_placed()
    told = results(service, 30)
    async with serve() as behind:
        await behind.until_following()
        hub = behind.app[HUB]
        # Its event loop has not got them yet.
        held: asyncio.Event = asyncio.Event()
        take = hub.take

        async def take_later(records: object) -> None:
            await held.wait()
            await take(records)  # type: ignore[arg-type]

        hub.take = take_later  # type: ignore[method-assign]
        service.tell(*told[:20])
        await reader.until_told(*ids_of(told[:20]))
        there = await Reader.open(behind.http, after=reader.last_event_id)
        await until("it to be open", lambda: len(hub) == 1)
        held.set()
        service.tell(*told[20:])
        await there.until_told(*ids_of(told[20:]))
        assert sorted(there.post_ids) == sorted(ids_of(told[20:]))
        await asyncio.gather(reader.close(), there.close())


@asynccontextmanager
async def reset(service: Service, event_id: str) -> AsyncIterator[str]:
    """Come back with an id that is of no use; gives the reason. What comes after that is told, and no more."""
    reader = await Reader.open(service.http, after=event_id)
    (said,) = await reader.until("word of it", lambda _: reader.named("reset"))
    yield said.data["reason"]
    told = results(service, 5)
    service.tell(*told)
    await reader.until_told(*ids_of(told))
    assert sorted(reader.post_ids) == sorted(ids_of(told))
    # Whoever comes back with the id of the reset is where it was.
    again = await Reader.open(service.http, after=said.id)
    await again.until_told(*ids_of(told))
    assert sorted(again.post_ids) == sorted(ids_of(told))
    await asyncio.gather(reader.close(), again.close())


async def test_an_id_of_another_log_is_told_to_be_one(service: Service) -> None:
    async with reset(service, Position(bytes(16), [0, 0, 0]).id) as reason:
        assert reason == session.ANOTHER_LOG


async def test_an_id_of_another_version_is_told_to_be_one(service: Service) -> None:
    async with reset(service, "2.WhateverThatMayBe") as reason:
        assert reason == session.OTHER_VERSION


async def test_an_id_that_is_too_old_is_told_to_be_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_BEHIND", 20)
    reader = await Reader.open(service.http)
    place = await reader.until_placed()
    told = results(service, 20)
    service.tell(*told)
    await reader.until_told(*ids_of(told))
    # So many are told, and one more is too many.
    again = await Reader.open(service.http, after=place)
    await again.until_told(*ids_of(told))
    more = results(service, 1)
    service.tell(*more)
    await reader.until_told(*ids_of(more))
    await asyncio.gather(reader.close(), again.close())
    async with reset(service, place) as reason:
        assert reason == session.TOO_OLD


async def test_an_id_beyond_the_end_is_told_to_be_no_place(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_AHEAD_SECONDS", 0.2)
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.05)
    reader = await Reader.open(service.http)
    place = position_of(await reader.until_placed())
    await reader.close()
    place.offsets[1] += 1000
    async with reset(service, place.id) as reason:
        assert reason == session.NOT_THERE


async def test_a_log_in_the_place_of_another_is_known_whatever_offsets_it_has(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_PAUSE_SECONDS", 0.05)
    settings = service.pipeline.settings.kafka
    watch = log.LogWatch(admin_client(settings), topic_name(service.analyses, settings))
    before = await asyncio.to_thread(watch.ask)
    answers = 0
    while answers < 3:
        assert not watch.changed()
        answers += watch._asked is None
        await asyncio.sleep(0)
    await service.make_analyses_anew(between=lambda: None)
    await until("word of it", watch.changed)
    after = await asyncio.to_thread(watch.ask)
    assert (after.id != before.id, after.partitions) == (True, before.partitions)


def behind(reader: Reader, said: Event) -> list[Event]:
    """What was told after an event of the API's own."""
    return [each for each in reader.events[reader.events.index(said) :] if each in reader.told]


async def test_a_topic_made_again_is_told_and_read_from_its_start(service: Service) -> None:
    reader = await Reader.open(service.http)
    await reader.until_placed()
    # More than there will be afterwards: offsets alone would not tell.
    before = results(service, 30)
    service.tell(*before)
    await reader.until_told(*ids_of(before))
    old = reader.last_event_id
    assert old is not None
    await service.make_analyses_anew(between=lambda: None)
    after = results(service, 300)
    service.tell(*after)
    await reader.until_told(*ids_of(after))
    # Until the new log is seen to be one, its records may be read as those of the old one.
    (said,) = reader.named("reset")
    await reader.until("all that is in it", lambda _: len(behind(reader, said)) == len(after))
    assert_told_once(behind(reader, said), after)
    await reader.close()
    async with reset(service, old) as reason:
        assert reason == session.ANOTHER_LOG


async def test_what_does_not_fit_while_the_reader_rests_is_read_from_the_log(service: Service) -> None:
    reader = await Reader.open(service.http)
    await reader.until_placed()
    told = await fall_behind(service, reader)
    transport_of(reader).resume_reading()
    with telling(service, last := results(service, 300)):
        await reader.until_told(*ids_of(told + last))
    assert_told_once(reader.told, told + last)
    assert not reader.named("slow")
    await reader.close()


async def test_who_reads_nothing_is_cut_off_and_goes_on_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "_STALLED_SECONDS", 0.5)
    monkeypatch.setattr(outlet, "_LAST_WORD_SECONDS", 0.5)
    reader = await Reader.open(service.http)
    await reader.until_placed()
    (slow,) = service.app[HUB]._open
    transport = transport_of(reader)
    transport.pause_reading()
    quick = await Reader.open(service.http)
    await quick.until_placed()
    most = 0
    told: list[Analysis] = []
    while slow in service.app[HUB]._open:
        more = results(service, 20, filling=20_000)
        service.tell(*more)
        told += more
        await quick.until_told(*ids_of(more))
        most = max(most, slow._waiting_bytes + slow._transport.get_write_buffer_size())
    # The queue, the transport's 64 KiB, and what was written in one piece when that was full.
    assert most < outlet.MOST_WAITING_BYTES + 512 * 1024
    # Nobody else has waited for it.
    assert sorted(quick.post_ids) == sorted(ids_of(told))
    transport.resume_reading()
    await reader.until_closed()
    again = await Reader.open(service.http, after=reader.last_event_id)
    await again.until_told(*set(ids_of(told)) - set(reader.post_ids))
    assert_told_once(reader.told + again.told, told)
    await asyncio.gather(reader.close(), again.close(), quick.close())


async def test_who_reads_too_slowly_is_told_so(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_BEHIND_SECONDS", 0.0)
    reader = await Reader.open(service.http)
    await reader.until_placed()
    told = await fall_behind(service, reader)
    transport_of(reader).resume_reading()
    await reader.until_ended()
    (slow,) = reader.named("slow")
    assert slow == reader.events[-1]
    assert slow.data == {"reason": session.TOO_SLOW, "last_event_id": slow.id}
    assert len(reader.told) < len(told)
    monkeypatch.undo()
    again = await Reader.open(service.http, after=reader.last_event_id)
    await again.until("the rest", lambda _: len(reader.told) + len(again.told) >= len(told))
    assert_told_once(reader.told + again.told, told)
    await asyncio.gather(reader.close(), again.close())
