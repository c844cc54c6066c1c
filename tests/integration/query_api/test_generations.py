"""A running query API follows a switch of generations, also in the middle of a request that waits."""

import asyncio

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
