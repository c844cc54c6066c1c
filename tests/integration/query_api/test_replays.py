"""The calls about replays, with a real worker where one must run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.query_api.service import Service
from tests.waiting import until

_PATH = "/api/v1/replays/"


async def call(service: Service, method: str, path: str = "", **options: Any) -> tuple[int, Any]:
    async with service.http.request(method, f"{_PATH}{path}", **options) as answer:
        return answer.status, await answer.json(content_type=None)


async def start(service: Service, **body: Any) -> tuple[int, Any]:
    return await call(service, "POST", json=body)


async def test_one_is_started_watched_and_done(service: Service) -> None:
    pipeline = service.pipeline
    posts = [pipeline.post(f"Post {n}.") for n in range(20)]
    pipeline.send(*posts)
    assert await start(service, all=True, dry_run=True) == (200, {"dry_run": True, "offsets": 20})
    assert await call(service, "GET") == (200, {"replays": []})
    pipeline.start_worker()
    await until("posts", lambda: pipeline.database.posts.count_documents({"state": "analyzed"}) == 20)
    pipeline.database.posts.update_many({}, {"$set": {"analysis_version": 1}})

    async with service.http.post(_PATH, json={"all": True, "rate": 1000}) as answer:
        started = await answer.json()
        assert (answer.status, answer.headers["Location"]) == (201, f"{_PATH}{started['id']}/")
    assert (started["state"], started["offsets"], started["rate_limit"]) == ("waiting", 20, 1000)

    async def done() -> Any:
        _, view = await call(service, "GET", f"{started['id']}/")
        return view if view["state"] == "done" else None

    view = await until("the end", done)
    assert {name: view[name] for name in ("offsets", "offsets_passed", "copied", "looked_at", "changed")} == (
        dict.fromkeys(("offsets", "offsets_passed", "copied", "looked_at", "changed"), 20)
    )
    assert view["records_per_second"] > 0
    status, problem = await call(service, "DELETE", f"{started['id']}/")
    assert (status, problem["state"]) == (409, "done")


async def test_single_posts_are_found_or_named(service: Service) -> None:
    pipeline = service.pipeline
    kept, gone = pipeline.post("Kept."), pipeline.post("Gone.")
    pipeline.start_worker()
    pipeline.send(kept, gone)
    pipeline.delete(gone.post_id)
    await until("the delete", lambda: (pipeline.find(gone.post_id) or {}).get("state") == "deleted")
    await until("the post", lambda: (pipeline.find(kept.post_id) or {}).get("state") == "analyzed")
    ids = [kept.post_id, kept.post_id, gone.post_id, "unknown"]
    status, started = await start(service, post_ids=ids)
    assert (status, started["offsets"]) == (201, 1)
    assert (started["selection"], started["not_found"]) == ({"post_ids": 3}, [gone.post_id, "unknown"])


async def test_pages_and_cancelling_without_a_worker(service: Service) -> None:
    service.pipeline.send(service.pipeline.post("Hello."))
    started = [(await start(service, offsets={"0": [0, 5]}))[1]["id"] for _ in range(3)]
    _, page = await call(service, "GET", params={"limit": "2"})
    _, last = await call(service, "GET", params={"limit": "2", "cursor": page["next_cursor"]})
    listed = [view["id"] for view in (*page["replays"], *last["replays"])]
    assert "next_cursor" not in last
    assert sorted(listed) == sorted(started)
    assert listed == sorted(listed, reverse=True)
    for _ in range(2):
        status, view = await call(service, "DELETE", f"{started[0]}/")
        assert (status, view["state"]) == (200, "cancelled")
    assert (await call(service, "DELETE", "nonsense/"))[0] == 404
    assert (await call(service, "GET", "nonsense/"))[0] == 404


_NOW = datetime.now(UTC).isoformat()


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "all", "Say which records"),
        ({"all": True, "post_ids": ["x"]}, "post_ids", "not all and post_ids"),
        ({"all": "yes"}, "all", "bool"),
        ({"from": "yesterday"}, "from", "RFC 3339"),
        ({"from": _NOW, "until": _NOW}, "until", "later than from"),
        ({"offsets": {}}, "offsets", "length >= 1"),
        ({"offsets": {"x": [1, 2]}}, "offsets", "regex"),
        ({"offsets": {"0": [2, 2]}}, "offsets", "from < until"),
        ({"offsets": {"0": [-1, 2]}}, "offsets", ">= 0"),
        ({"offsets": {"7": [0, 2]}}, "offsets", "there are 0 to 2"),
        ({"post_ids": []}, "post_ids", "length >= 1"),
        ({"post_ids": ["x"] * 10_001}, "post_ids", "length <= 10000"),
        ({"all": True, "rate": 0}, "rate", ">= 0.1"),
        ({"post_ids": ["x"], "into": "new"}, "post_ids", "takes all posts"),
        ({"all": True, "into": "old"}, "into", "'old'"),
        (
            {"everything": True},
            "everything",
            "there are all, from, until, offsets, post_ids, into, rate, dry_run",
        ),
    ],
)
async def test_what_is_not_allowed_is_named_and_nothing_starts(
    service: Service, body: dict[str, Any], field: str, said: str
) -> None:
    status, problem = await start(service, **body)
    assert (status, problem["field"]) == (422, field)
    assert said in problem["detail"]
    assert await call(service, "GET") == (200, {"replays": []})


async def test_a_body_that_is_no_json_is_refused(service: Service) -> None:
    status, _ = await call(service, "POST", data=b"{", headers={"Content-Type": "application/json"})
    assert status == 400
    assert (await call(service, "GET", params={"cursor": "x"}))[0] == 422
