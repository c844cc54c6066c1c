"""OpenAPI says of the calls about counts what they answer, down to the last value; so do its examples."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from postpulse.web.openapi import SCHEMAS
from query_api.routes.counters_parameters import SeriesParameters, TrendParameters, WindowParameters
from tests.counted import Counted
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.counting import counting
from tests.pipeline import Pipeline

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_METRICS = (
    "posts,words,characters,sentiment,languages,detected_languages,word_percentiles,character_percentiles"
)


def differences(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    """Where a value is not as a schema says; no more of JSON Schema than these schemas use."""
    if "oneOf" in schema:
        ways = [differences(value, way, at) for way in schema["oneOf"]]
        return [] if [] in ways else min(ways, key=len)
    if "enum" in schema or "const" in schema:
        allowed = schema.get("enum", [schema.get("const")])
        return [] if value in allowed else [f"{at} is {value}"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not isinstance(value, tuple(each for kind in kinds for each in _KINDS[kind])):
        return [f"{at} is {value!r}"]
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        found = [f"{at} lacks {name}" for name in schema.get("required", ()) if name not in value]
        for name, each in value.items():
            if name in properties:
                found += differences(each, properties[name], f"{at}.{name}")
            else:
                found += differences(each, others, f"{at}.{name}") if others else [f"{at} has {name}"]
        return found
    if isinstance(value, list):
        short = len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", 2**31)
        found = [f"{at} has {len(value)} items"] if short else []
        return found + [
            each for n, item in enumerate(value) for each in differences(item, schema["items"], f"{at}[{n}]")
        ]
    if isinstance(value, int | float):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return [] if low <= value <= high else [f"{at} is {value}"]
    return []


def test_what_is_no_answer_is_told_from_one() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": ["integer", "null"], "minimum": 0},
            "b": {"oneOf": [{"const": 1}, {"type": "null"}]},
        },
    }
    assert differences({"a": None, "b": 1}, schema, "it") == []
    assert differences({"a": -1, "c": 2}, schema, "it") == ["it.a is -1", "it has c"]
    assert differences({"b": "x"}, schema, "it") != []
    assert differences([], schema, "it") == ["it is []"]


async def test_answers_and_examples_are_as_openapi_describes_them(serve: Serve, pipeline: Pipeline) -> None:
    now = datetime.now(UTC)
    posts = [
        Counted(
            now - timedelta(minutes=minutes),
            author="ada",
            language="en",
            detected_language="en",
            sentiment=0.2,
            hashtag=("a",),
        )
        for minutes in (1, 150)
    ]
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("timeseries/", "timeseries/", {"metrics": _METRICS}),
        ("timeseries/", "timeseries/", {"metrics": "posts,sentiment", "author": "ada"}),
        ("trends/{kind}/", "trends/hashtags/", {"window": "1h"}),
        ("stats/", "stats/", {}),
        ("authors/{author}/stats/", "authors/ada/stats/", {"window": "1h"}),
        ("authors/{author}/stats/", "authors/nobody/stats/", {}),
    )
    wrong = {"from": "yesterday"}
    async with counting(serve, pipeline, posts) as api:
        async with api.service.http.get("/api/v1/openapi.json") as answer:
            document = await answer.json()

        def schema(path: str, status: str) -> Any:
            responses = document["paths"][f"/api/v1/{path}"]["get"]["responses"]
            ((_, content),) = responses[status]["content"].items()
            return document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]

        for path, asked, query in calls:
            described = schema(path, "200")
            assert differences(await api.found(asked, **query), described, asked) == []
            (example,) = described["examples"]
            assert differences(example, described, f"example of {path}") == []
            problem = await api.refused(asked, **wrong)
            assert set(schema(path, "422")["required"]) <= problem.keys()
            assert "503" in document["paths"][f"/api/v1/{path}"]["get"]["responses"]
        assert {"TimeSeries", "Trends", "Stats", "AuthorStats"} <= api.service.app[SCHEMAS].keys()

        for path, parameters in (
            ("timeseries/", SeriesParameters),
            ("trends/{kind}/", TrendParameters),
            ("stats/", WindowParameters),
            ("authors/{author}/stats/", WindowParameters),
        ):
            described = document["paths"][f"/api/v1/{path}"]["get"]["parameters"]
            names = {field.encode_name for field in msgspec.structs.fields(parameters)}
            assert {each["name"] for each in described if each["in"] == "query"} == names


@pytest.mark.parametrize("path", ["timeseries/", "trends/hashtags/", "stats/", "authors/ada/stats/"])
async def test_both_forms_of_a_path_and_head_answer_and_clients_keep_it_for_a_moment(
    serve: Serve, pipeline: Pipeline, path: str
) -> None:
    async with counting(serve, pipeline, []) as api:
        for form in (path, path.rstrip("/")):
            for method in ("GET", "HEAD"):
                async with api.service.http.request(method, f"/api/v1/{form}") as answer:
                    assert (answer.status, answer.headers["Cache-Control"]) == (200, "private, max-age=3")
