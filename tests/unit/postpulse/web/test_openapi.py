"""`/api/v1/openapi.json`: it describes every call, and what it refers to is there."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web

import producer_api.app
import query_api.app
from postpulse.settings import IdsSettings, Settings
from postpulse.web.application import Install, create_application
from postpulse.web.openapi import PATHS, document_of
from tests.unit.postpulse.web.conftest import Serve

BOTH = (producer_api.app.install, query_api.app.install)
each_process = pytest.mark.parametrize(
    "services", [(), BOTH[:1], BOTH[1:], BOTH], ids=["none", "producer", "query", "all"]
)
_METHODS = {"get", "post", "put", "patch", "delete"}


def application(services: tuple[Install, ...]) -> web.Application:
    ids = IdsSettings.model_validate({"keys": "a-key-for-these-tests"})
    return create_application(Settings(ids=ids), *services)


def values_of(document: Any, key: str) -> Iterator[Any]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from values_of(value, key)


def operations(app: web.Application) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, call) for path, calls in app[PATHS].items() for method, call in calls.items()]


@each_process
def test_every_route_is_described_and_nothing_else(services: tuple[Install, ...]) -> None:
    app = application(services)
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        # The star refuses the methods that a path does not take.
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    # Of the two forms of a path, the one with the slash stands for both.
    routes = {(path, method) for path, method in routes if (f"{path}/", method) not in routes}
    assert {(path, method) for path, method, _ in operations(app)} == routes


@each_process
def test_what_is_referred_to_is_there_and_what_is_there_is_referred_to(services: tuple[Install, ...]) -> None:
    document = document_of(application(services))
    there = {
        f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named
    }
    # The headers are the same in every process, whether it answers with all of them or not.
    used = {str(ref) for ref in values_of(document, "$ref")} | {"#/components/headers/Retry-After"}
    assert used == there


@each_process
def test_each_call_says_what_openapi_asks_for(services: tuple[Install, ...]) -> None:
    app = application(services)
    calls = operations(app)
    names = [call["operationId"] for _, _, call in calls]
    assert len(set(names)) == len(names)
    for path, method, call in calls:
        assert method in _METHODS
        assert call["summary"]
        assert not call["summary"].endswith(".")
        assert call["tags"]
        parameters = call.get("parameters", [])
        assert all(parameter["in"] in {"path", "query", "header"} for parameter in parameters)
        assert all("schema" in parameter for parameter in parameters)
        in_path = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path)), path
        assert all(parameter["required"] for parameter in parameters if parameter["in"] == "path")
        assert ("requestBody" in call) == (method in {"post", "put", "patch"})
        assert any(status.startswith("2") for status in call["responses"])
        for status, response in call["responses"].items():
            assert re.fullmatch(r"[2-5][0-9]{2}", status)
            assert response["description"]
            for media_type, content in response.get("content", {}).items():
                assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", media_type)
                assert "schema" in content
            if int(status) >= 400 and path.startswith("/api/"):
                assert response["content"].keys() == {"application/problem+json"}


@each_process
def test_what_holds_for_every_call_is_said_of_each(services: tuple[Install, ...]) -> None:
    for path, method, call in operations(application(services)):
        assert "500" in call["responses"], (method, path)
        for status, response in call["responses"].items():
            assert "X-Request-ID" in response["headers"], (method, path, status)
            problem = response.get("content", {}).get("application/problem+json")
            if problem is not None:
                assert problem["example"]["status"] == int(status)
                assert ("Retry-After" in response["headers"]) == (status == "503"), (method, path, status)


def described_with_schema(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parameters, JSON bodies and headers, with words for where each is."""
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            for parameter in call.get("parameters", ()):
                yield f"{method} {path}: {parameter['name']}", parameter
            for what, body in {"request": call.get("requestBody", {}), **call["responses"]}.items():
                for media_type, content in body.get("content", {}).items():
                    if media_type.endswith(("/json", "+json")):
                        yield f"{method} {path}: {what}, {media_type}", content
                for name, header in body.get("headers", {}).items():
                    if "$ref" not in header:
                        yield f"{method} {path}: {what}, {name}", header


@each_process
def test_everything_has_an_example_and_each_is_as_its_schema_says(services: tuple[Install, ...]) -> None:
    document = document_of(application(services))
    components = document["components"]
    for name, schema in components["schemas"].items():
        assert set(schema.get("required", ())) <= schema["properties"].keys(), name
        for example in schema.get("examples", ()):
            # JSON Schema lets a name be that it does not know; in an example it is a mistake.
            assert example.keys() <= schema["properties"].keys(), name
    for where, described in described_with_schema(document):
        schema = described["schema"]
        named = components["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        examples = [described["example"]] if "example" in described else named.get("examples", ())
        assert examples or schema.keys() & {"enum", "const", "default"}, where
        validator = jsonschema_rs.Draft202012Validator(
            {**schema, "components": components}, validate_formats=True
        )
        for example in examples:
            assert validator.is_valid(example), where


async def test_it_is_served_as_it_is(serve: Serve) -> None:
    client = await serve()
    async with client.get("/api/v1/openapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        document = await answer.json()
    assert document["openapi"] == "3.1.0"
    assert document["info"].keys() >= {"title", "version", "license"}
    assert document["paths"].keys() == application(())[PATHS].keys()
    assert "Problem" in document["components"]["schemas"]
