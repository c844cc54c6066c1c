"""`/docs/`: what `/api/v1/openapi.json` says, as a page of Swagger UI. It works offline: all comes from here."""

from importlib.metadata import distribution
from pathlib import Path

from aiohttp import web

from postpulse.web.openapi import Document, describe, problem_response
from postpulse.web.problems import Problem

#: The page runs scripts of this server alone, and talks to nobody else. Icons are data in Swagger UI's stylesheet.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Every use asks, by the ETag, whether it is still as it was: files of two versions never meet.
    "Cache-Control": "no-cache",
}
_OWN = Path(__file__).parent
#: The files of a package that is never imported: what it does with Flask is of no use here.
_SWAGGER_UI = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
_ASSETS = {
    "start.js": (_OWN, "text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": (_SWAGGER_UI, "text/javascript; charset=utf-8"),
    "swagger-ui.css": (_SWAGGER_UI, "text/css; charset=utf-8"),
    "favicon-32x32.png": (_SWAGGER_UI, "image/png"),
}


def install(app: web.Application) -> None:
    """Add the page and what it is made of."""
    for form in ("/docs/", "/docs"):
        app.router.add_get(form, _page)
    app.router.add_get("/docs/{asset}", _asset)
    describe(app, "/docs/", "get", _PAGE_CALL)
    describe(app, "/docs/{asset}", "get", _ASSET_CALL)


async def _page(_: web.Request) -> web.StreamResponse:
    return _file(_OWN / "index.html", "text/html; charset=utf-8")


async def _asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info["asset"]
    if name not in _ASSETS:
        raise Problem(404, f"There is no such file; there are {', '.join(_ASSETS)}.", field="asset")
    folder, content_type = _ASSETS[name]
    return _file(folder / name, content_type)


def _file(path: Path, content_type: str) -> web.FileResponse:
    # With ETag, and 304 where If-None-Match has it.
    return web.FileResponse(path, headers={**_HEADERS, "Content-Type": content_type})


def _call(name: str, summary: str, *media_types: str) -> Document:
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    headers = {
        "ETag": {"required": True, "schema": {"type": "string"}, "example": '"18eb614f3e7d03c2-236"'},
        "Content-Security-Policy": {"required": True, "schema": {"const": _POLICY}},
    }
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["service"],
        "responses": {
            "200": {"description": "It.", "content": content, "headers": headers},
            "304": {"description": "It is as If-None-Match says.", "headers": headers},
        },
    }


_PAGE_CALL = _call("getDocs", "This document as a page", "text/html")
_ASSET_CALL = _call("getDocsAsset", "A file of that page", "text/javascript", "text/css", "image/png")
_ASSET_CALL["parameters"] = [
    {"name": "asset", "in": "path", "required": True, "schema": {"enum": list(_ASSETS)}}
]
_ASSET_CALL["responses"]["404"] = problem_response("There is no such file.")
