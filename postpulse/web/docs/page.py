"""`/docs/`: what `/api/v1/openapi.json` says, as a page of Swagger UI. It works offline: all comes from here."""

from importlib.metadata import distribution
from pathlib import Path

from aiohttp import web

from postpulse.web.openapi import describe, problem_response
from postpulse.web.pages import page_call, page_file
from postpulse.web.problems import Problem

_OWN = Path(__file__).parent
#: The files of a package that is never imported: what it does with Flask is of no use here.
_SWAGGER_UI = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
_ASSETS = {
    "start.js": _OWN,
    "swagger-ui-bundle.js": _SWAGGER_UI,
    "swagger-ui.css": _SWAGGER_UI,
    "favicon-32x32.png": _SWAGGER_UI,
}
#: Icons are data in Swagger UI's stylesheet.
_IMAGES = "data:"


def install(app: web.Application) -> None:
    """Add the page and what it is made of."""
    for form in ("/docs/", "/docs"):
        app.router.add_get(form, _page)
    app.router.add_get("/docs/{asset}", _asset)
    describe(app, "/docs/", "get", _PAGE_CALL)
    describe(app, "/docs/{asset}", "get", _ASSET_CALL)


async def _page(_: web.Request) -> web.StreamResponse:
    return page_file(_OWN / "index.html", images=_IMAGES)


async def _asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info["asset"]
    if name not in _ASSETS:
        raise Problem(404, f"There is no such file; there are {', '.join(_ASSETS)}.", field="asset")
    return page_file(_ASSETS[name] / name, images=_IMAGES)


_PAGE_CALL = page_call("getDocs", "This document as a page", "text/html")
_ASSET_CALL = page_call("getDocsAsset", "A file of that page", "text/javascript", "text/css", "image/png")
_ASSET_CALL["parameters"] = [
    {"name": "asset", "in": "path", "required": True, "schema": {"enum": list(_ASSETS)}}
]
_ASSET_CALL["responses"]["404"] = problem_response("There is no such file.")
