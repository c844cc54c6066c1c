"""Collections in a real MongoDB are there before the first write, as often as they are applied."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from postpulse.collections import COLLECTIONS, COUNTERS, POSTS, TEXT_INDEX, apply_collections
from postpulse.mongo.client import connect, database
from postpulse.settings import Settings


async def apply(settings: Settings, text_index: bool = False) -> None:
    client = connect(settings.mongo, "tests")
    try:
        await apply_collections(database(client, settings.mongo), text_index)
    finally:
        await client.close()


def indexes(settings: Settings) -> dict[str, Mapping[str, Any]]:
    """Collection -> name of index -> its description."""
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value()) as client:
        found = client[settings.mongo.database]
        return {name: found[name].index_information() for name in found.list_collection_names()}


async def test_every_collection_is_created_with_its_indexes(settings: Settings) -> None:
    await apply(settings)
    found = indexes(settings)
    assert found.keys() == {collection.name for collection in COLLECTIONS}
    for collection in COLLECTIONS:
        names = [name for name in found[collection.name] if name != "_id_"]
        assert names == [index.document["name"] for index in collection.indexes]


async def test_applied_again_they_stay_as_they_are_with_what_is_in_them(settings: Settings) -> None:
    await apply(settings)
    before = indexes(settings)
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value()) as client:
        posts = client[settings.mongo.database][POSTS.name]
        posts.insert_one({"_id": "kept"})
        await apply(settings)
        assert posts.find_one() == {"_id": "kept"}
    assert indexes(settings) == before


async def test_several_processes_may_apply_at_once(settings: Settings) -> None:
    await asyncio.gather(*(apply(settings) for _ in range(8)))
    assert indexes(settings).keys() == {collection.name for collection in COLLECTIONS}


async def test_the_text_index_comes_and_goes_whoever_is_first(settings: Settings) -> None:
    name = TEXT_INDEX.document["name"]
    for wanted in (True, False):
        await asyncio.gather(*(apply(settings, wanted) for _ in range(8)))
        assert (name in indexes(settings)[POSTS.name]) == wanted


async def test_an_index_that_was_lost_is_made_again(settings: Settings) -> None:
    await apply(settings)
    before = indexes(settings)
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value()) as client:
        client[settings.mongo.database][COUNTERS.name].drop_indexes()
    assert indexes(settings) != before
    await apply(settings)
    assert indexes(settings) == before


async def test_an_index_of_the_same_name_and_another_kind_is_not_passed_over(settings: Settings) -> None:
    name = COUNTERS.indexes[0].document["name"]
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value()) as client:
        client[settings.mongo.database][COUNTERS.name].create_index([("value", 1)], name=name)
    with pytest.raises(OperationFailure, match=name):
        await apply(settings)


async def test_transactions_find_every_collection(settings: Settings) -> None:
    await apply(settings)
    client = connect(settings.mongo, "tests")
    async with client, client.start_session() as session, await session.start_transaction():
        for collection in COLLECTIONS:
            found = database(client, settings.mongo)[collection.name]
            await found.insert_one({"_id": "in a transaction"}, session=session)
    counts = {}
    with MongoClient[dict[str, Any]](settings.mongo.uri.get_secret_value()) as again:
        for collection in COLLECTIONS:
            counts[collection.name] = again[settings.mongo.database][collection.name].count_documents({})
    assert set(counts.values()) == {1}


async def test_the_client_asks_for_what_is_kept(settings: Settings) -> None:
    async with connect(settings.mongo, "tests") as client:
        assert client.write_concern.document == {"w": "majority", "j": True}
        assert client.codec_options.tz_aware
        assert client.options.pool_options.metadata["application"] == {"name": "tests"}
