"""`/`: the dashboard. A page, a stylesheet and modules of plain JavaScript, which ask the API as anyone does."""

from pathlib import Path

from aiohttp import web

from postpulse.web.openapi import describe, problem_response
from postpulse.web.pages import page_call, page_file
from postpulse.web.problems import Problem

_FOLDER = Path(__file__).parent / "files"
_PAGE = "page.html"
_ASSETS = sorted(path.name for path in _FOLDER.iterdir() if path.name != _PAGE)


def install(app: web.Application) -> None:
    """Add the page and what it is made of."""
    app.router.add_get("/", _page)
    app.router.add_get("/dashboard/{asset}", _asset)
    describe(app, "/", "get", page_call("getDashboard", "The dashboard", "text/html"))
    call = page_call(
        "getDashboardAsset", "A file of the dashboard", "text/javascript", "text/css", "image/svg+xml"
    )
    call["parameters"] = [{"name": "asset", "in": "path", "required": True, "schema": {"enum": _ASSETS}}]
    call["responses"]["404"] = problem_response("There is no such file.")
    describe(app, "/dashboard/{asset}", "get", call)


async def _page(_: web.Request) -> web.StreamResponse:
    return page_file(_FOLDER / _PAGE)


async def _asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info["asset"]
    if name not in _ASSETS:
        raise Problem(404, "There is no such file.", field="asset")
    return page_file(_FOLDER / name)
