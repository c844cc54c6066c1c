"""Streams that cannot be told what they have missed: they are told why, and then what comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from postpulse.kafka.admin import admin_client
from postpulse.topics import topic_name
from query_api.live import log, session
from query_api.live.position import Position, position_of
from tests.integration.query_api.reader import Event, Reader
from tests.integration.query_api.results import assert_told_once, ids_of, results
from tests.integration.query_api.service import Service
from tests.waiting import until


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
