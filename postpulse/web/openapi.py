"""`/api/v1/openapi.json`: put together from what each service says of its own calls."""

from typing import Any

import msgspec
from aiohttp import web

from postpulse import __version__

Document = dict[str, Any]
_PATH = "/api/v1/openapi.json"
#: Path -> method -> operation, as OpenAPI 3.1 has it; filled by the services.
PATHS = web.AppKey("openapi_paths", dict[str, dict[str, Document]])
#: Name -> schema, for `#/components/schemas/…`.
SCHEMAS = web.AppKey("openapi_schemas", dict[str, Document])

PROBLEM_SCHEMA: Document = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong and what is allowed."},
        "field": {"type": "string", "description": "The parameter or JSON field at fault."},
        "request_id": {"type": "string"},
    },
}


def install(app: web.Application) -> None:
    """Add the call; services add their operations to `app[PATHS]` and schemas to `app[SCHEMAS]`."""
    app[PATHS] = {}
    app[SCHEMAS] = {"Problem": PROBLEM_SCHEMA}
    app.router.add_get(_PATH, _document)
    described = json_response("OpenAPI 3.1.", {"type": "object"})
    summary = "What this process answers, as OpenAPI"
    operation = {"operationId": "getOpenApi", "summary": summary, "tags": ["service"]}
    describe(app, _PATH, "get", {**operation, "responses": {"200": described}})


def describe(app: web.Application, path: str, method: str, operation: Document) -> None:
    """Say what a call does; `path` as OpenAPI writes it, of two forms the one with the trailing slash."""
    app[PATHS].setdefault(path, {})[method] = operation


def schema_ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def json_response(description: str, schema: Document, **more: Any) -> Document:
    """A response object with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


def problem_response(description: str) -> Document:
    """A response object whose body is a problem document."""
    content = {"application/problem+json": {"schema": schema_ref("Problem")}}
    return {"description": description, "content": content}


async def _document(request: web.Request) -> web.Response:
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "postpulse",
            "version": __version__,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": request.app[PATHS],
        "components": {"schemas": request.app[SCHEMAS]},
    }
    return web.Response(body=msgspec.json.encode(document), content_type="application/json")
