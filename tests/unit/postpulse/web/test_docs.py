"""`/docs/`: a page whose parts all come from this server, under a policy that lets nothing else in."""

import re
from html.parser import HTMLParser

import pytest

from tests.unit.postpulse.web.conftest import Serve

_CSS_URL = re.compile(r"url\(\s*[\"']?(?!data:)([^)\"']+)")


class Page(HTMLParser):
    """What a page loads, and what is written in it that should not be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in = tag
        if tag in ("script", "img", "iframe"):
            self.loads.append(given.get("src") or "")
        elif tag == "link":
            self.loads.append(given.get("href") or "")
        self.inline += [name for name in given if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("path", ["/docs/", "/docs"])
async def test_the_page_and_each_of_its_parts_come_from_here(serve: Serve, path: str) -> None:
    client = await serve()
    async with client.get(path, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        page = Page(await answer.text())
    assert page.inline == []
    assert {part.rpartition(".")[2] for part in page.loads} == {"js", "css", "png"}
    for part in page.loads:
        assert part.startswith("/docs/")
        async with client.get(part) as answer:
            assert answer.status == 200
            kind = {"js": "text/javascript", "css": "text/css", "png": "image/png"}[part.rpartition(".")[2]]
            assert answer.content_type == kind
            body = await answer.read()
        assert int(answer.headers["Content-Length"]) == len(body) > 100
        if kind == "text/css":
            assert _CSS_URL.findall(body.decode()) == []


async def test_nothing_but_this_server_is_allowed(serve: Serve) -> None:
    client = await serve()
    for path in ("/docs/", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"):
        async with client.get(path) as answer:
            policy = dict(
                part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
            )
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert policy["default-src"] == "'none'"
        allowed = {source for sources in policy.values() for source in sources.split()}
        assert allowed == {"'none'", "'self'", "data:"}
        assert [name for name, sources in policy.items() if "data:" in sources] == ["img-src"]


@pytest.mark.parametrize("path", ["/docs/", "/docs/start.js", "/docs/swagger-ui-bundle.js"])
async def test_what_a_browser_has_is_not_sent_again(serve: Serve, path: str) -> None:
    client = await serve()
    async with client.get(path) as answer:
        tag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "no-cache"
    async with client.get(path, headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert answer.headers["ETag"] == tag
    async with client.get(path, headers={"If-None-Match": '"another"'}) as answer:
        assert answer.status == 200
    async with client.head(path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize("name", ["index.html", "page.py", "swagger-ui.js", "..%2fpage.py", "%2e%2e"])
async def test_no_other_file_is_served(serve: Serve, name: str) -> None:
    client = await serve()
    async with client.get(f"/docs/{name}") as answer:
        assert answer.status == 404
