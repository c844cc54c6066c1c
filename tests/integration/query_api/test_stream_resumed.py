"""Streams that come back with `Last-Event-ID` are told everything since: once, and in order."""

import asyncio

import pytest

from query_api.keys import HUB, PAST
from query_api.live.past import Page
from query_api.live.position import Position
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.reader import Event, Reader
from tests.integration.query_api.results import assert_told_once, ids_of, results, telling
from tests.integration.query_api.service import Service
from tests.waiting import until


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
    page = await past.page(since, end)
    assert (len(page.records), page.behind) == (30, end)
    before = Position(end.log, [offset - 1 for offset in end.offsets])
    page = await past.page(since, before)
    assert (len(page.records), page.behind) == (27, before)


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
