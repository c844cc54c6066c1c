"""The ingest API while its broker is away, and after: what was answered with 202 is in the log, in order."""

import asyncio
import io
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import producer_api.app
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.settings import HttpSettings, IdsSettings, KafkaSettings, Settings, SpoolSettings
from postpulse.web.application import create_application
from postpulse.web.server import set_up
from producer_api.spool import files
from producer_api.spool.report import look
from producer_api.spool.spool import Spool
from tests.integration.postpulse.broker import frozen, stored
from tests.pipeline import variables_of
from tests.unit.producer_api.spool.records import record
from tests.waiting import until

Api = aiohttp.ClientSession
Serve = Callable[[Settings], AbstractAsyncContextManager[Api]]


@pytest.fixture
def own_settings(own_kafka: KafkaSettings, tmp_path: Path) -> Settings:
    """Of a broker of the test's own, with a spool."""
    return Settings(
        kafka=own_kafka,
        spool=SpoolSettings(directory=tmp_path / "spool"),
        http=HttpSettings(port=0, shutdown_grace_seconds=1),
        ids=IdsSettings.model_validate({"keys": secrets.token_hex(16)}),
    )


@pytest.fixture
def without_broker(tmp_path: Path) -> Settings:
    """A broker that never comes."""
    return Settings(
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1", delivery_timeout_seconds=1.0),
        spool=SpoolSettings(directory=tmp_path / "spool", max_bytes=1_048_576),
        ids=IdsSettings.model_validate({"keys": secrets.token_hex(16)}),
    )


@pytest.fixture
def serve() -> Serve:
    """`serve(settings)`: the ingest API until the end of the block; gives a client of it."""

    @asynccontextmanager
    async def serving(settings: Settings) -> AsyncIterator[Api]:
        app = create_application(settings, producer_api.app.install)
        runner = await set_up(app, settings.http.shutdown_grace_seconds)
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
                yield session
        finally:
            await runner.cleanup()

    return serving


async def post(api: Api, content: str) -> str:
    async with api.post("/api/v1/posts/", json={"content": content}) as answer:
        assert answer.status == 202, await answer.text()
        document = await answer.json()
        assert document["status"] == "accepted"
        return str(document["post_id"])


async def checks(api: Api, status: int = 200) -> Any:
    async with api.get("/health/ready") as answer:
        assert answer.status == status, await answer.text()
        return (await answer.json())["checks"]


async def metric(api: Api, name: str) -> float:
    async with api.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


def drained(api: Api) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        checked = await checks(api)
        return checked["kafka"]["reachable"] and checked["spool"]["records"] == 0

    return condition


async def holds(api: Api, records: int) -> bool:
    return bool((await checks(api))["spool"]["records"] >= records)


def contents(settings: Settings) -> list[str | None]:
    """What posts.v1 holds, in order; None is a tombstone."""
    return [json.loads(value)["content"] if value is not None else None for value in stored(settings.kafka)]


async def test_what_comes_while_the_broker_is_away_is_kept_and_drained_in_order(
    own_broker: EmbeddedKafka, own_settings: Settings, serve: Serve
) -> None:
    async with serve(own_settings) as api:
        await post(api, "before")
        logged = await metric(api, 'postpulse_posts_accepted_total{how="log"}')
        spooled = await metric(api, 'postpulse_posts_accepted_total{how="spool"}')
        own_broker.kill(0)
        try:
            post_id = await post(api, "one")
            items = [{"content": "two"}, {"content": ""}, {"content": "three"}]
            async with api.post("/api/v1/posts/batch/", json=items) as answer:
                results = (await answer.json())["results"]
            assert [result["status"] for result in results] == [202, 422, 202]
            async with api.delete(f"/api/v1/posts/{post_id}/") as answer:
                assert answer.status == 202

            async def noticed() -> Any:
                return not (await checks(api))["kafka"]["reachable"]

            await until("the loss to be noticed", noticed)
            checked = await checks(api)
            assert checked["spool"]["records"] == 4
            assert 0 < checked["spool"]["bytes"] < checked["spool"]["limit"]
            assert checked["spool"]["oldest_age_seconds"] > 0
            assert "into the spool" in checked["kafka"]["note"]
            assert await metric(api, "postpulse_spool_records") == 4
            assert await metric(api, 'postpulse_posts_accepted_total{how="spool"}') == spooled + 3
        finally:
            await asyncio.to_thread(own_broker.restart, 0)
        await until("the spool to be drained", drained(api))
        await post(api, "after")
        assert await metric(api, 'postpulse_posts_accepted_total{how="log"}') == logged + 1
    assert contents(own_settings) == ["before", "one", "two", "three", None, "after"]
    assert look(own_settings.spool.directory or Path()).segments == 0


async def test_clients_that_never_cease_keep_their_order_and_go_straight_to_the_log_again(
    own_broker: EmbeddedKafka, own_settings: Settings, serve: Serve
) -> None:
    sent = [0] * 16
    going, ending = asyncio.Event(), asyncio.Event()

    async def client(number: int) -> None:
        while not ending.is_set():
            await going.wait()
            await post(api, f"{number} {sent[number]}")
            sent[number] += 1

    async with serve(own_settings) as api, asyncio.TaskGroup() as clients:

        async def straight(least: float) -> bool:
            return await metric(api, 'postpulse_posts_accepted_total{how="log"}') >= least

        before = await metric(api, 'postpulse_posts_accepted_total{how="log"}')
        for number in range(len(sent)):
            clients.create_task(client(number))
        going.set()
        await until("posts to go to the log", lambda: straight(before + 100))
        own_broker.kill(0)
        await until("posts to go into the spool", lambda: holds(api, 500))
        # The broker has the machine to itself until it is back.
        going.clear()
        await asyncio.to_thread(own_broker.restart, 0)
        assert await holds(api, 500)
        before = await metric(api, 'postpulse_posts_accepted_total{how="log"}')
        going.set()
        await until("posts to go to the log again", lambda: straight(before + 200))
        ending.set()
    found = [content or "" for content in contents(own_settings)]
    for number, count in enumerate(sent):
        own = [content for content in found if content.startswith(f"{number} ")]
        assert list(dict.fromkeys(own)) == [f"{number} {n}" for n in range(count)]


def start(settings: Settings, log: Path) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTPULSE_")}
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "postpulse", "serve", "producer"],
            stdout=file,
            stderr=file,
            env=environment | variables_of(settings) | {"POSTPULSE_LOG_FORMAT": "json"},
        )


async def address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    def listening() -> str | None:
        assert process.poll() is None, log.read_text()
        for line in log.read_text().splitlines():
            if line.startswith("{") and (found := json.loads(line).get("address")):
                return str(found)
        return None

    return await until("the API to listen", listening) or ""


async def test_an_api_that_is_killed_while_the_broker_is_away_loses_nothing(
    own_broker: EmbeddedKafka, own_settings: Settings, tmp_path: Path
) -> None:
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    first = start(own_settings, logs[0])
    try:
        async with aiohttp.ClientSession(await address(first, logs[0])) as api:
            await post(api, "before")
            own_broker.kill(0)
            for n in range(50):
                await post(api, f"first {n}")
    finally:
        first.kill()
        first.wait()
    second = start(own_settings, logs[1])
    try:
        async with aiohttp.ClientSession(await address(second, logs[1])) as api:
            await asyncio.gather(*(post(api, "second") for _ in range(5)))
            assert (await checks(api))["spool"]["records"] == 55
            await asyncio.to_thread(own_broker.restart, 0)
            await until("the spool to be drained", drained(api))
            await post(api, "after")
    finally:
        second.terminate()
        assert second.wait(20) == 0, logs[1].read_text()
    expected = ["before", *(f"first {n}" for n in range(50)), *["second"] * 5, "after"]
    assert contents(own_settings) == expected
    assert '"level":"error"' not in logs[1].read_text().replace(" ", "")


async def test_a_stop_in_the_middle_of_a_drain_leaves_the_rest_for_the_next_start(
    own_broker: EmbeddedKafka, own_settings: Settings, serve: Serve
) -> None:
    directory = own_settings.spool.directory
    assert directory is not None
    spool = Spool(directory, 1 << 20)
    await spool.open()
    await spool.put([record(json.dumps({"content": str(n)}).encode()) for n in range(10)])
    await spool.close()
    with frozen(own_broker):
        async with serve(own_settings) as api:
            # The drain waits for an acknowledgement.
            async def waits() -> bool:
                return (await checks(api))["kafka"].get("queued", 0) > 0

            await until("the drain to begin", waits)
            begun = time.monotonic()
        # Grace, and the delivery timeout of what is on its way.
        assert time.monotonic() - begun < 5
        assert look(directory).records == 10
    async with serve(own_settings) as api:
        await until("the spool to be drained", drained(api))
    assert list(dict.fromkeys(contents(own_settings))) == [str(n) for n in range(10)]


async def test_a_post_without_an_acknowledgement_is_kept_and_can_be_deleted(
    own_broker: EmbeddedKafka, own_settings: Settings, serve: Serve
) -> None:
    """It may be in the log as well; its tombstone is behind both."""
    async with serve(own_settings) as api:
        await post(api, "before")
        with frozen(own_broker):
            post_id = await post(api, "unacknowledged")
            async with api.delete(f"/api/v1/posts/{post_id}/") as answer:
                assert answer.status == 202
        await until("the spool to be drained", drained(api))
    found = contents(own_settings)
    assert found[-1] is None
    assert set(found) == {"before", "unacknowledged", None}


async def test_nobody_waits_long_for_a_broker_that_does_not_answer(
    own_broker: EmbeddedKafka, own_settings: Settings, serve: Serve
) -> None:
    """Whatever is under way goes into the spool, and its late record comes before what is drained."""
    patient = own_settings.kafka.model_copy(update={"delivery_timeout_seconds": 60.0})
    spool = own_settings.spool.model_copy(update={"patience_seconds": 0.5})
    async with serve(own_settings.model_copy(update={"kafka": patient, "spool": spool})) as api:
        deleted = await post(api, "deleted")
        # The first one may have taken long itself.
        await until("the spool to be drained", drained(api))
        with frozen(own_broker):
            begun = time.monotonic()

            async def delete(post_id: str) -> None:
                async with api.delete(f"/api/v1/posts/{post_id}/") as answer:
                    assert answer.status == 202

            async def post_batch() -> None:
                items = [{"content": "two"}, {"content": "three"}]
                async with api.post("/api/v1/posts/batch/", json=items) as answer:
                    assert [each["status"] for each in (await answer.json())["results"]] == [202, 202]

            one, _, _ = await asyncio.gather(post(api, "one"), post_batch(), delete(deleted))
            await delete(one)
            assert time.monotonic() - begun < 5
        await until("the spool to be drained", drained(api))
    found = contents(own_settings)
    assert set(found) == {"deleted", "one", "two", "three", None}
    assert found[-1] is None
    assert found.count("one") == 2


async def test_a_full_spool_refuses_and_says_when_to_come_again(
    without_broker: Settings, serve: Serve
) -> None:
    async with serve(without_broker) as api:
        for _ in range(3):
            await post(api, "x" * 300_000)
        async with api.post("/api/v1/posts/", json={"content": "x" * 300_000}) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) == 10
            assert "the spool is full" in (await answer.json())["detail"]
        items = [{"content": "y" * 80_000}, {"content": "z" * 80_000}]
        async with api.post("/api/v1/posts/batch/", json=items) as answer:
            assert [result["status"] for result in (await answer.json())["results"]] == [503, 503]
        checked = await checks(api, status=503)
        assert checked["spool"]["reason"].startswith("full: ")
        assert checked["kafka"]["status"] == "failing"
        await post(api, "There is still room for a small one.")
        checked = await checks(api)
        assert checked["spool"]["records"] == 4


async def test_a_post_that_the_log_may_not_take_is_not_spooled(
    without_broker: Settings, serve: Serve
) -> None:
    intake = without_broker.intake.model_copy(update={"max_content_bytes": 4_194_304})
    roomy = without_broker.spool.model_copy(update={"max_bytes": 1 << 30})
    async with serve(without_broker.model_copy(update={"intake": intake, "spool": roomy})) as api:
        await post(api, "A small one.")
        large = io.BytesIO(json.dumps({"content": "\x01" * 4_000_000}).encode())
        async with api.post(
            "/api/v1/posts/", data=large, headers={"Content-Type": "application/json"}
        ) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
        assert (await checks(api))["spool"]["records"] == 1


async def test_a_directory_that_cannot_be_written_is_not_ready(
    without_broker: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    async with serve(without_broker) as api:
        await post(api, "Kept.")
        with monkeypatch.context() as patch:
            patch.setattr(files, "write_all", full)
            async with api.post("/api/v1/posts/", json={"content": "Not kept."}) as answer:
                assert answer.status == 503
                assert "No space left on device" in (await answer.json())["detail"]
            checked = await checks(api, status=503)
            assert "No space left on device" in checked["spool"]["reason"]
            assert checked["kafka"]["status"] == "failing"
        await post(api, "Kept again.")
        assert (await checks(api))["spool"]["records"] == 2


async def test_without_a_directory_it_is_refused_at_once(without_broker: Settings, serve: Serve) -> None:
    async with serve(without_broker.model_copy(update={"spool": SpoolSettings()})) as api:

        async def noticed() -> bool:
            async with api.get("/health/ready") as answer:
                return answer.status == 503

        await until("the lack of a broker to be noticed", noticed)
        begun = time.monotonic()
        async with api.post("/api/v1/posts/", json={"content": "Nowhere to go."}) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
        assert time.monotonic() - begun < 0.5


async def test_the_command_drains_and_sets_aside_what_can_never_be_sent(
    own_settings: Settings, tmp_path: Path
) -> None:
    directory = own_settings.spool.directory
    assert directory is not None
    spool = Spool(directory, 1 << 30)
    await spool.open()
    large = os.urandom(9 * 1024 * 1024)
    for value in (b"one", b"two", large, b"three", b"four"):
        await spool.put([record(value)])

    async def run(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "postpulse", "spool", *arguments, "--directory", str(directory)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | variables_of(own_settings),
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    code, _, err = await run("drain")
    assert code == 2
    assert "POSTPULSE_SPOOL_DIRECTORY: another process has" in err
    await spool.close()
    code, out, err = await run("drain", "--timeout", "20")
    assert code == 0, err
    assert "is empty: 5 records have left it" in out
    assert "can never be sent" in err
    assert stored(own_settings.kafka) == [b"one", b"two", b"three", b"four"]
    (refused,) = files.set_aside(directory)
    code, _, err = await run("verify")
    assert (code, refused.name in err) == (1, True)
    # Under a segment's name it is tried again: nothing of it is lost.
    refused.rename(files.segment_path(directory, 900))
    assert look(directory).records == 1
    assert look(directory).is_whole
