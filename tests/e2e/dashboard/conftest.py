"""The dashboard in Chromium, before both APIs on one port, a worker and the session's servers."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

import producer_api.app
import query_api.app
from postpulse.web.application import create_application
from postpulse.web.server import set_up
from tests.pipeline import Pipeline
from tests.programs import need_program

#: Milliseconds: the page asks again every few seconds.
expect.set_options(timeout=20_000)


_NARROW, _WIDE = 360, 2560


class Server:
    """Both APIs, as `postpulse serve all` runs them; may go away and come back at the same address."""

    def __init__(self, pipeline: Pipeline, http: aiohttp.ClientSession) -> None:
        self._pipeline = pipeline
        self._http = http
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        services = (producer_api.app.install, query_api.app.install)
        self._runner = await set_up(create_application(self._pipeline.settings, *services), 1.0)
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def send(self, content: str, **fields: Any) -> str:
        """A post, through the API; its post_id."""
        async with self._http.post(
            f"{self.address}/api/v1/posts/", json={"content": content, **fields}
        ) as answer:
            assert answer.status == 202
            return str((await answer.json())["post_id"])

    async def get(self, path: str) -> Any:
        """What the API answers."""
        async with self._http.get(f"{self.address}/api/v1/{path}") as answer:
            assert answer.status == 200
            return await answer.json()

    async def replay(self, **asked: Any) -> None:
        async with self._http.post(f"{self.address}/api/v1/replays/", json=asked) as answer:
            assert answer.status == 201


async def check_access(page: Page) -> None:
    """axe finds nothing in what is shown, in light and dark, on narrow and wide screens, and nothing sticks out."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width in (_NARROW, 1280, _WIDE):
            await page.set_viewport_size({"width": width, "height": 900})
            found = await Axe().run(page)
            assert json.loads(json.dumps(found.response["violations"])) == [], found.generate_report()
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(overflow) == 0, (scheme, width)


@pytest.fixture
async def server(pipeline: Pipeline) -> AsyncIterator[Server]:
    need_program("chromium")
    pipeline.start_worker()
    async with aiohttp.ClientSession() as http:
        made = Server(pipeline, http)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


@pytest.fixture
async def page(server: Server) -> AsyncIterator[Page]:
    """The dashboard, opened. It must not have complained by the end of the test, of its policy least of all."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # A browser says by itself which requests were refused, or had nobody to answer them.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need_program("chromium"), args=["--no-sandbox"]
        )
        # Another zone than the server's, and one without whole hours.
        opened = await browser.new_page(timezone_id="Asia/Kolkata", locale="en-GB", reduced_motion="reduce")
        opened.on("console", hear)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        await opened.goto(f"{server.address}/")
        await expect(opened.get_by_text("Live", exact=True)).to_be_visible()
        yield opened
        await browser.close()
    assert complaints == []
