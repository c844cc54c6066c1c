"""`/api/v1/openapi.json`: put together from what each service says of its own calls."""

from typing import Any

import msgspec
from aiohttp import web

from postpulse import __version__
from postpulse.web.problems import CONTENT_TYPE, Problem

Document = dict[str, Any]
_PATH = "/api/v1/openapi.json"
#: Path -> method -> operation, as OpenAPI 3.1 has it; filled by the services.
PATHS = web.AppKey("openapi_paths", dict[str, dict[str, Document]])
#: Name -> schema, for `#/components/schemas/…`.
SCHEMAS = web.AppKey("openapi_schemas", dict[str, Document])

_REQUEST_ID = "9f1c2ab400d81c6a"
PROBLEM_SCHEMA: Document = {
    "type": "object",
    "description": "RFC 9457 problem details. Members that are not named here may come.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "Of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What was wrong and what is allowed."},
        "field": {"type": "string", "description": "The parameter or JSON field at fault."},
        "limit": {"type": "integer", "description": "What is allowed at most, with 413."},
        "allowed": {
            "type": ["array", "integer"],
            "items": {"type": "string"},
            "description": "What is allowed: these words, or so many.",
        },
        "request_id": {"type": "string", "description": "As the header X-Request-ID."},
    },
}
_HEADERS: Document = {
    "X-Request-ID": {
        "description": "As it was sent, or made here; the logs have it.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": _REQUEST_ID,
    },
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 2,
    },
}
_ABOUT = """\
Each path that ends in a slash is answered without it, too, and HEAD is answered where GET is. To other methods a
path answers 405, with the header `Allow`; one that is not here, 404. Errors are problem details (RFC 9457).
Answers from 1,400 bytes on come with gzip to whoever takes it; bodies may be sent with gzip or deflate.
"""


def install(app: web.Application) -> None:
    """Add the call; services add their operations by `describe` and schemas to `app[SCHEMAS]`."""
    app[PATHS] = {}
    app[SCHEMAS] = {"Problem": PROBLEM_SCHEMA}
    app.router.add_get(_PATH, _document)
    shape = {"type": "object", "required": ["openapi", "info", "paths"]}
    example = {"openapi": "3.1.0", "info": {"title": "postpulse", "version": __version__}, "paths": {}}
    described = json_response("OpenAPI 3.1.", shape, example)
    summary = "What this process answers, as OpenAPI"
    operation = {"operationId": "getOpenApi", "summary": summary, "tags": ["service"]}
    describe(app, _PATH, "get", {**operation, "responses": {"200": described}})


def describe(app: web.Application, path: str, method: str, operation: Document) -> None:
    """Say what a call does; `path` as OpenAPI writes it, of two forms the one with the trailing slash.

    What is so for all calls need not be said: the request id, 500, Retry-After with a problem of 503.
    """
    responses = {**operation["responses"], "500": _FAILED}
    responses = {status: _completed(int(status), response) for status, response in responses.items()}
    app[PATHS].setdefault(path, {})[method] = {**operation, "responses": responses}


def schema_ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def lines_of(name: str) -> Document:
    """The schema of NDJSON: as an array has it, a line for each of these."""
    return {"type": "array", "items": schema_ref(name)}


def object_schema(properties: Document, *optional: str, **more: Any) -> Document:
    """A schema of objects that have all these properties, but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, **more}


def header_ref(name: str) -> Document:
    """A header that several calls answer with; this module has them."""
    return {"$ref": f"#/components/headers/{name}"}


def json_response(description: str, schema: Document, example: Any = None, **more: Any) -> Document:
    """A response object with a JSON body.

    Args:
        example: may be left out where the schema has one.
    """
    content = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"description": description, "content": {"application/json": content}, **more}


def problem_response(description: str, example: Problem | None = None) -> Document:
    """A response object whose body is a problem document.

    Args:
        example: without one, the description is taken for its detail.
    """
    content: Document = {"schema": schema_ref("Problem")}
    if example is not None:
        content["example"] = example.document()
    return {"description": description, "content": {CONTENT_TYPE: content}}


def unsupported_response(*allowed: str) -> Document:
    """415 of a call that takes bodies of these types."""
    wanted = Problem(
        415, f"Content-Type must be {' or '.join(allowed)}.", field="Content-Type", allowed=list(allowed)
    )
    return problem_response("Another content type, charset or content encoding than allowed.", wanted)


_FAILED = problem_response(
    "Something failed here.", Problem(500, "Something failed here; the logs have it under this request id.")
)


def _completed(status: int, response: Document) -> Document:
    headers = {"X-Request-ID": header_ref("X-Request-ID")}
    content = response.get("content", {})
    if CONTENT_TYPE in content:
        if status == 503:
            headers["Retry-After"] = header_ref("Retry-After")
        problem = content[CONTENT_TYPE]
        example = problem.get("example") or Problem(status, response["description"]).document()
        content = {CONTENT_TYPE: {**problem, "example": {**example, "request_id": _REQUEST_ID}}}
        response = {**response, "content": content}
    return {**response, "headers": {**headers, **response.get("headers", {})}}


def document_of(app: web.Application) -> Document:
    """All that the services have described."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "postpulse",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": app[PATHS],
        "components": {"schemas": app[SCHEMAS], "headers": _HEADERS},
    }


async def _document(request: web.Request) -> web.Response:
    document = document_of(request.app)
    return web.Response(body=msgspec.json.encode(document), content_type="application/json")
