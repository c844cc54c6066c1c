"""Readers that take less than there is: bounded memory, nothing missed, and a word when they are cut off."""

import asyncio

import pytest

from postpulse.events import Analysis
from query_api.keys import HUB
from query_api.live import outlet, session
from tests.integration.query_api.reader import Reader
from tests.integration.query_api.results import assert_told_once, ids_of, results, telling, transport_of
from tests.integration.query_api.service import Service


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
    # Whoever is behind has been for too long, even by a clock that stands still between two pages.
    monkeypatch.setattr(session, "_BEHIND_SECONDS", -1.0)
    # Else the brokers are given the blame, wherever they are slow to answer on a busy machine.
    monkeypatch.setattr(service.app[HUB], "live", lambda: True)
    reader = await Reader.open(service.http)
    await reader.until_placed()
    told = await fall_behind(service, reader)
    transport_of(reader).resume_reading()
    await reader.until_ended()
    (slow,) = reader.named("slow")
    assert slow == reader.events[-1]
    assert slow.data == {"reason": session.TOO_SLOW, "last_event_id": slow.id}
    monkeypatch.undo()
    again = await Reader.open(service.http, after=reader.last_event_id)
    await again.until("the rest", lambda _: len(reader.told) + len(again.told) >= len(told))
    assert_told_once(reader.told + again.told, told)
    await asyncio.gather(reader.close(), again.close())
