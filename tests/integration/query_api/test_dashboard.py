"""The files of the dashboard, as they are served: whole, from here alone, and not sent twice."""

import re
from pathlib import Path

import query_api.dashboard.page
from tests.integration.query_api.service import Service

_FILES = Path(query_api.dashboard.page.__file__).parent / "files"
_LOADED = re.compile(r'(?:src|href)="(/[^"]+)"')
_IMPORTED = re.compile(r'from "\./([^"]+)"')
_INLINE = re.compile(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:")


async def test_the_page_loads_what_is_here_and_all_of_it(service: Service) -> None:
    async with service.http.get("/") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        page = await answer.text()
    assert not _INLINE.search(page)
    wanted = {path for path in _LOADED.findall(page) if path.startswith("/dashboard/")}
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    seen: set[str] = set()
    while left := wanted - seen:
        path = left.pop()
        seen.add(path)
        async with service.http.get(path) as answer:
            assert (answer.status, answer.content_type) == (200, kinds[path.rpartition(".")[2]])
            wanted |= {f"/dashboard/{name}" for name in _IMPORTED.findall(await answer.text())}
    there = {f"/dashboard/{path.name}" for path in _FILES.iterdir()} - {"/dashboard/page.html"}
    assert seen == there
    for name in ("page.html", "page.py", "..%2fpage.py"):
        async with service.http.get(f"/dashboard/{name}") as answer:
            assert answer.status == 404


async def test_nothing_but_this_server_is_let_in(service: Service) -> None:
    for path in ("/", "/dashboard/main.js"):
        async with service.http.get(path) as answer:
            given = answer.headers["Content-Security-Policy"].split("; ")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            tag = answer.headers["ETag"]
        policy = dict(part.split(" ", 1) for part in given)
        assert policy["default-src"] == "'none'"
        assert set(policy.values()) == {"'none'", "'self'"}
        async with service.http.get(path, headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")


def test_no_text_is_taken_for_markup() -> None:
    for path in _FILES.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text()
        ), path
