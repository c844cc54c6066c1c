"""Whatever the list of dimensions offers is described, asked for and answered, without a word of it elsewhere."""

from datetime import UTC, datetime
from typing import Any

from postpulse.counting.dimensions import DIMENSIONS
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.counting import counting
from tests.pipeline import Pipeline

_HOUR = datetime(2026, 5, 1, 12, tzinfo=UTC)
_TIMES = {"from": "2026-05-01T12:00:00Z", "until": "2026-05-01T13:00:00Z"}
_WITH_VALUES = [each for each in DIMENSIONS if each.example is not None]
_WITH_TRENDS = [each for each in DIMENSIONS if each.trend is not None]


async def test_each_value_has_a_series_and_each_trend_its_path(serve: Serve, pipeline: Pipeline) -> None:
    assert len(_WITH_VALUES) >= 8
    assert len(_WITH_TRENDS) >= 6
    async with counting(serve, pipeline, []) as api:
        pipeline.database.counters.insert_many(
            {
                "_id": each.name,
                "dimension": each.name,
                "granularity": each.base,
                "bucket": _HOUR,
                "value": each.example,
                "lane": "posts.v1/0",
                "posts": number,
            }
            for number, each in enumerate(_WITH_VALUES, 1)
        )
        for number, each in enumerate(_WITH_VALUES, 1):
            found = await api.found("timeseries/", **_TIMES, **{each.name: each.example})
            assert (found["of"], found["points"][0]["posts"]) == ({each.name: each.example}, number)
            if each.trend is not None:
                found = await api.found(f"trends/{each.trend}/", **_TIMES)
                assert [(trend["value"], trend["posts"]) for trend in found["trends"]] == [
                    (each.example, number)
                ]


async def test_openapi_has_each_of_them(serve: Serve, pipeline: Pipeline) -> None:
    async with counting(serve, pipeline, []) as api, api.service.http.get("/api/v1/openapi.json") as answer:
        document = await answer.json()

    def parameters(path: str) -> dict[str, Any]:
        described = document["paths"][f"/api/v1/{path}"]["get"]["parameters"]
        return {each["name"]: each["schema"] for each in described}

    of_series = parameters("timeseries/")
    assert {each.name: [each.example] for each in _WITH_VALUES}.items() <= {
        name: schema.get("examples") for name, schema in of_series.items()
    }.items()
    assert parameters("trends/{kind}/")["kind"] == {"enum": [each.trend for each in _WITH_TRENDS]}
