"""Files that make a page, under a policy that lets nothing in but this server. They need no other host."""

from pathlib import Path

from aiohttp import web

from postpulse.web.openapi import Document

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{images}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def page_file(path: Path, *, images: str = "") -> web.FileResponse:
    """A file of a page, with ETag, and 304 where If-None-Match has it.

    Args:
        path: its name tells its type: html, css, js, svg or png.
        images: where else images may come from, such as `data:`.
    """
    return web.FileResponse(
        path,
        headers={
            "Content-Type": _CONTENT_TYPES[path.suffix],
            "Content-Security-Policy": _POLICY.format(images=images and f" {images}"),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            # Every use asks, by the ETag, whether it is still as it was: files of two versions never meet.
            "Cache-Control": "no-cache",
        },
    )


def page_call(name: str, summary: str, *media_types: str) -> Document:
    """What OpenAPI says of such a file."""
    headers: Document = {
        "ETag": {"schema": {"type": "string"}, "example": '"18eb614f3e7d03c2-236"'},
        "Content-Security-Policy": {"schema": {"type": "string"}, "example": _POLICY.format(images="")},
    }
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["service"],
        "responses": {
            "200": {"description": "It.", "content": content, "headers": headers},
            "304": {"description": "It is as If-None-Match says.", "headers": headers},
        },
    }
