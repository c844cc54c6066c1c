"""What every service tells of itself, as the query API serves it."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

import query_api.app
from postpulse.settings import ConfigurationError, IdsSettings, KafkaSettings, Settings
from postpulse.web.application import create_application
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.waiting import until


async def test_readiness_tells_of_each_part_with_its_time(service: Service) -> None:
    await until("the statistics", lambda: service.feed.connection.up)
    async with service.http.get("/health/ready") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        body = await answer.json()
    assert body["status"] == "ok"
    assert body["checks"].keys() == {"mongo", "feed"}
    for check in body["checks"].values():
        assert check["status"] == "ok"
        assert 0 <= check["milliseconds"] < 3000
    feed = body["checks"]["feed"]
    assert feed["seconds_since_poll"] < 5
    assert (feed["lag"], feed["waiters"]) == (0, 0)


async def test_it_starts_without_servers_and_says_what_is_missing(serve: Serve, settings: Settings) -> None:
    away = KafkaSettings(bootstrap_servers="127.0.0.1:1", topic_prefix=settings.kafka.topic_prefix)
    async with serve(settings.model_copy(update={"kafka": away})) as service:
        async with service.http.get("/health/ready") as answer:
            assert answer.status == 503
            checks = (await answer.json())["checks"]
        assert checks["mongo"]["status"] == "ok"
        assert checks["feed"]["reason"] == "the end of the analyses topic is not found yet"
        async with service.http.get("/health/live") as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "ok")
        # What is stored is served all the same.
        post = service.store_analyzed(service.store_received("Stored.", chunks=1))
        assert (await service.get(f"{post['_id']}/analysis/?wait=5"))[0] == 200


async def test_its_metrics_are_read_by_prometheus(service: Service) -> None:
    post = service.store_analyzed(service.store_received("Counted.", chunks=1))
    await service.get(f"{post['_id']}/analysis/")
    await service.get("nothing/analysis/")
    async with service.http.get("/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    assert post["_id"] not in text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counted = {
        (sample.labels["route"], sample.labels["status"])
        for sample in families["postpulse_http_request_seconds"].samples
    }
    route = "/api/v1/posts/{post_id}/analysis/"
    assert {(route, "200"), (route, "404")} <= counted
    assert {"postpulse_waiters", "postpulse_feed_up", "postpulse_feed_lag_records"} <= families.keys()


async def test_answers_are_as_openapi_describes_them(service: Service) -> None:
    async with service.http.get("/api/v1/openapi.json") as answer:
        document = await answer.json()
    under_way = service.store_received("One.", chunks=1)
    done = service.store_analyzed(service.store_received("Two words.", chunks=1, author="ada", tags=("a",)))
    dead = service.store_dead("why")
    deleted = service.store_deleted(service.store_received("Bye.", chunks=1))
    ids = [post["_id"] for post in (under_way, done, dead, deleted)] + [service.pipeline.ids.mint(), "0" * 32]
    seen = set()
    for path in (
        "/api/v1/posts/{post_id}/analysis/",
        "/api/v1/posts/{post_id}/",
        "/api/v1/posts/{post_id}/status/",
    ):
        described = document["paths"][path]["get"]["responses"]
        for post_id in ids:
            async with service.http.get(path.format(post_id=post_id)) as answer:
                body = msgspec.json.decode(await answer.read())
            response = described[str(answer.status)]
            schema = response["content"][answer.content_type]["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert set(schema["required"]) <= body.keys()
            if answer.status < 400:
                assert body.keys() <= schema["properties"].keys()
            # What is referred to is the request id and Retry-After, which are there wherever they are named.
            headers = response["headers"].items()
            sure = {name for name, header in headers if "$ref" in header or header.get("required")}
            assert sure <= answer.headers.keys()
            seen.add(answer.status)
    assert seen == {200, 202, 404, 410, 422}


@pytest.mark.parametrize("path", ["/health/live", "/metrics", "/api/v1/openapi.json"])
async def test_head_is_answered_without_a_body(service: Service, path: str) -> None:
    async with service.http.head(path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0


async def test_an_unknown_path_and_another_method_are_problems(service: Service) -> None:
    async with service.http.get("/api/v1/nothing/") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
    async with service.http.delete(f"/api/v1/posts/{service.pipeline.ids.mint()}/analysis/") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


def test_without_a_key_for_ids_the_start_stops(settings: Settings) -> None:
    without = settings.model_copy(update={"ids": IdsSettings()})
    with pytest.raises(ConfigurationError, match="POSTPULSE_IDS_KEYS"):
        create_application(without, query_api.app.install)
