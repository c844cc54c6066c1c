"""`?wait=`: requests sleep until the event, and end in their time, whatever happens."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from query_api.keys import WAITERS
from query_api.live.waiters import Waiters
from query_api.routes import posts
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.waiting import until

Answer = tuple[int, Any, Any]
_LONG = 60


class Looks:
    """Counts what the API asks the test's database for, as the server itself has it.

    With a look at posts it may ask which generation is the current one; never without one.
    """

    def __init__(self, service: Service) -> None:
        self._database = service.pipeline.database
        self._database.command("profile", 2)

    def __len__(self) -> int:
        asked = [
            each["ns"].partition(".")[2]
            for each in self._database["system.profile"].find({"appName": "postpulse-query-api"})
        ]
        about_generations = asked.count("generations")
        looks = len(asked) - about_generations
        # It asks that first.
        assert about_generations <= looks + 1
        return looks


def ask(service: Service, post_id: str, seconds: float = _LONG) -> "asyncio.Task[Answer]":
    return asyncio.create_task(service.get(f"{post_id}/analysis/", params={"wait": str(seconds)}))


async def test_an_event_wakes_the_request_and_nothing_is_asked_in_between(service: Service) -> None:
    looks = Looks(service)
    post = service.store_received("Soon.", chunks=1)
    request = ask(service, post["_id"])
    await service.until_waiting(1)
    await until("the first look", lambda: len(looks) == 1)
    others = [service.store_analyzed(service.store_received("Other.", chunks=1)) for _ in range(20)]
    service.announce(*others)
    # Its own comes after those of the others.
    service.finish(post)
    async with asyncio.timeout(10):
        status, body, _ = await request
    assert (status, body["num_of_words"]) == (200, 1)
    assert len(looks) == 2
    await service.until_waiting(0)


async def test_without_an_event_there_is_one_more_look_at_the_end(service: Service) -> None:
    looks = Looks(service)
    post = service.store_received("Untold.", chunks=1)
    begun = asyncio.get_running_loop().time()
    request = ask(service, post["_id"], 1.5)
    await until("the first look", lambda: len(looks) == 1)
    service.store_analyzed(post)
    status, _, _ = await request
    assert status == 200
    assert 1.5 <= asyncio.get_running_loop().time() - begun < 5
    assert len(looks) == 2


@pytest.mark.parametrize("stored", [True, False])
async def test_a_wait_ends_at_its_time_with_under_way(service: Service, stored: bool) -> None:
    post_id = service.store_received("Long.")["_id"] if stored else service.pipeline.ids.mint()
    begun = asyncio.get_running_loop().time()
    status, body, headers = await service.get(f"{post_id}/analysis/", params={"wait": ".25"})
    assert (status, body) == (202, {"post_id": post_id, "status": "analyzing"})
    assert headers["Retry-After"] == "1"
    assert headers["Cache-Control"] == "no-store"
    assert 0.25 <= asyncio.get_running_loop().time() - begun < 5
    assert len(service.app[WAITERS]) == 0


async def test_what_is_there_already_is_not_waited_for(service: Service) -> None:
    post = service.store_analyzed(service.store_received("There.", chunks=1))
    async with asyncio.timeout(10):
        assert (await ask(service, post["_id"]))[0] == 200


async def test_a_post_that_is_deleted_while_one_waits_is_gone(service: Service) -> None:
    post = service.store_received("Gone.", chunks=1)
    request = ask(service, post["_id"])
    await service.until_waiting(1)
    service.announce(service.store_deleted(post))
    async with asyncio.timeout(10):
        assert (await request)[0] == 410


async def test_an_event_that_settles_nothing_is_waited_past(service: Service) -> None:
    looks = Looks(service)
    post = service.store_received("Twice.", chunks=1)
    request = ask(service, post["_id"])
    await service.until_waiting(1)
    await until("the first look", lambda: len(looks) == 1)
    # Of an older version of the post: the document is being analyzed anew.
    service.pipeline.send_raw(service.analyses, post["_id"].encode(), None)
    service.pipeline.flush()
    await until("the second look", lambda: len(looks) == 2)
    assert not request.done()
    service.finish(post)
    async with asyncio.timeout(10):
        assert (await request)[0] == 200


async def test_many_wait_for_one_post_and_each_is_answered(service: Service) -> None:
    post = service.store_received("Wanted.", chunks=1)
    requests = [ask(service, post["_id"]) for _ in range(50)]
    await service.until_waiting(50)
    service.finish(post)
    async with asyncio.timeout(10):
        assert {status for status, _, _ in await asyncio.gather(*requests)} == {200}
    await service.until_waiting(0)


async def test_one_too_many_is_told_to_ask_again(serve: Serve) -> None:
    def only_two(app: web.Application) -> None:
        app[WAITERS] = Waiters(2)

    async with serve(change=only_two) as service:
        await service.until_following()
        post = service.store_received("Popular.", chunks=1)
        first, second = ask(service, post["_id"]), ask(service, post["_id"])
        await service.until_waiting(2)
        status, body, headers = await ask(service, post["_id"])
        assert (status, headers["Content-Type"]) == (503, "application/problem+json")
        assert headers["Retry-After"] == "1"
        assert "without wait" in body["detail"]
        # What needs no waiting is answered, and so is whoever does not wait.
        done = service.store_analyzed(service.store_received("Done.", chunks=1))
        assert (await ask(service, done["_id"]))[0] == 200
        assert (await service.get(f"{post['_id']}/analysis/"))[0] == 202
        service.finish(post)
        assert [status for status, _, _ in await asyncio.gather(first, second)] == [200, 200]
        await service.until_waiting(0)
        assert (await ask(service, service.pipeline.ids.mint(), 0.1))[0] == 202


async def test_a_client_that_goes_frees_its_place(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "_CLIENT_CHECK_SECONDS", 0.05)
    looks = Looks(service)
    post = service.store_received("Left.", chunks=1)
    request = ask(service, post["_id"])
    await service.until_waiting(1)
    await until("the first look", lambda: len(looks) == 1)
    request.cancel()
    with suppress(asyncio.CancelledError):
        await request
    await service.until_waiting(0)


async def test_a_topic_made_anew_wakes_those_who_wait_and_is_followed(service: Service) -> None:
    # The feed has read of every partition, and where it is there will be nothing any more.
    before = [service.store_received("Before.", chunks=1) for _ in range(30)]
    requests = [ask(service, post["_id"]) for post in before]
    await service.until_waiting(30)
    service.announce(*(service.store_analyzed(post) for post in before))
    await asyncio.gather(*requests)
    looks = Looks(service)
    post = service.store_received("Missed.", chunks=1)
    request = ask(service, post["_id"])
    await service.until_waiting(1)
    await until("the first look", lambda: len(looks) == 1)
    await service.make_analyses_anew(between=lambda: service.store_analyzed(post))
    # Its event was never seen, and it did not wait to the end.
    async with asyncio.timeout(40):
        assert (await request)[0] == 200
    await service.until_following()
    later = service.store_received("After.", chunks=1)
    request = ask(service, later["_id"])
    await service.until_waiting(1)
    service.finish(later)
    async with asyncio.timeout(10):
        assert (await request)[0] == 200


async def test_a_stop_answers_those_who_wait(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that it is the stop, and not a look whether the client is there.
    monkeypatch.setattr(posts, "_CLIENT_CHECK_SECONDS", float(_LONG))
    async with aiohttp.ClientSession() as outside:
        async with serve() as service:
            await service.until_following()
            post = service.store_received("Stopped.", chunks=1)
            address = service.http._base_url
            assert address is not None
            url = address.join(address / f"api/v1/posts/{post['_id']}/analysis/")
            request = asyncio.create_task(outside.get(url, params={"wait": str(_LONG)}))
            await service.until_waiting(1)
            begun = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - begun < 5
        answer = await request
        assert (answer.status, await answer.json()) == (202, {"post_id": post["_id"], "status": "analyzing"})
