"""A running query API follows a switch of generations, also in the middle of a request that waits."""

import asyncio
from typing import Any

from postpulse.generations.changes import create_generation, switch_generation
from postpulse.mongo.client import connect, database
from tests.integration.query_api.service import Service
from tests.waiting import until


async def test_queries_follow_a_switch_and_one_that_waits_is_answered(service: Service) -> None:
    pipeline = service.pipeline
    seen = service.store_analyzed(service.store_received("one two"))
    waited_for = service.store_received("one two three")
    analysis = f"{seen['_id']}/analysis/"
    assert (await service.get(analysis))[1]["num_of_words"] == 2
    async with connect(pipeline.settings.mongo, "tests") as client:
        collections = database(client, pipeline.settings.mongo)
        number = await create_generation(collections, 3, "a replay")
        newer = {**seen, "analysis_version": 3, "analysis": {**seen["analysis"], "num_of_words": 20}}
        await collections[f"posts.g{number}"].insert_many([newer, waited_for])
        waiting = asyncio.create_task(service.get(f"{waited_for['_id']}/analysis/?wait=30"))
        await service.until_waiting(1)
        await switch_generation(collections, number, 3600, force=True)

        async def followed() -> bool:
            return bool((await service.get(analysis))[1]["num_of_words"] == 20)

        await until("the switch to be followed", followed, 5)
        # From now on the old generation is of no account.
        await collections["posts"].delete_many({})
        assert not waiting.done()
        pipeline.database[f"posts.g{number}"].delete_one({"_id": waited_for["_id"]})
        finished = service.finish(waited_for)
        await collections[f"posts.g{number}"].insert_one(finished)
        service.announce(finished)
        status, body, _ = await waiting
        assert (status, body["num_of_words"]) == (200, 3)
        assert (await service.get(f"{seen['_id']}/status/"))[1]["status"] == "analyzed"


async def test_generations_are_listed_switched_to_and_let_go(service: Service) -> None:
    async def call(method: str, path: str = "", **options: Any) -> tuple[int, Any]:
        async with service.http.request(method, f"/api/v1/generations/{path}", **options) as answer:
            return answer.status, await answer.json(content_type=None)

    def statuses(body: Any) -> list[tuple[int, str]]:
        return [(each["number"], each["status"]) for each in body["generations"]]

    pipeline = service.pipeline
    status, body = await call("GET")
    assert (status, statuses(body)) == (200, [(1, "current")])
    service.store_analyzed(service.store_received("one two"))
    async with connect(pipeline.settings.mongo, "tests") as client:
        await create_generation(database(client, pipeline.settings.mongo), 3, "a replay")
    assert (await call("POST", "2/switch/"))[0] == 409
    nothing = {"current": 0, "other": 0}
    assert await call("GET", "2/comparison/") == (
        200,
        {
            "number": 2,
            "current": 1,
            "posts": {
                "analyzed": {"current": 1, "other": 0},
                **dict.fromkeys(("analyzing", "dead", "deleted"), nothing),
            },
            "differences": ["posts 0 instead of 1"],
        },
    )
    assert (await call("GET", "1/comparison/"))[1]["posts"]["analyzed"] == {"current": 1, "other": 1}
    pipeline.database.generations.update_one(
        {"_id": "state", "generations.number": 2}, {"$set": {"generations.$.status": "ready"}}
    )
    status, refused = await call("POST", "2/switch/", json={})
    assert (status, refused["differences"]) == (409, ["posts 0 instead of 1"])
    status, body = await call("POST", "2/switch/", json={"force": True})
    assert (status, statuses(body)) == (200, [(1, "kept"), (2, "current")])
    first, second = body["generations"]
    assert (first["posts_estimated"], second["posts_estimated"]) == (1, 0)
    assert first["drop_at"] is not None
    assert (second["replay"], second["analysis_version"]) == ("a replay", 3)
    assert (await call("DELETE", "2/"))[0] == 409
    for _ in range(2):
        status, body = await call("DELETE", "1/")
        assert (status, statuses(body)) == (200, [(1, "dropping"), (2, "current")])
    status, problem = await call("GET", "1/comparison/")
    assert (status, problem["detail"]) == (409, "Generation 1 is dropping: it holds nothing to compare.")
    for method, path in (("DELETE", "7/"), ("GET", "7/comparison/")):
        assert (await call(method, path))[0] == 404
    for method, path in (("POST", "0/switch/"), ("POST", "x/switch/"), ("GET", "x/comparison/")):
        status, problem = await call(method, path)
        assert (status, problem["field"]) == (422, "number")
    assert (await call("POST", "1/switch/", json={"now": True}))[1]["field"] == "now"
