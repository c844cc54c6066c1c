"""The list of posts over real HTTP, of documents as the sink's own functions make them."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postpulse.collections import POSTS
from postpulse.generations.changes import create_generation, switch_generation
from postpulse.mongo.client import connect, database, prepare_database
from postpulse.settings import CacheSettings, Settings
from query_api.queries import post_list
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.pipeline import Document
from tests.waiting import until

_DAY = 1_769_860_800_000  # 2026-01-31T12:00:00Z


@pytest.fixture(autouse=True)
async def _text_index(settings: Settings, _prepared: None) -> None:
    await prepare_database(settings.mongo.model_copy(update={"text_index": "on"}), "tests")


@pytest.fixture
async def service(serve: Serve, settings: Settings) -> AsyncIterator[Service]:
    """Which keeps no pages: posts are stored here without anybody being told."""
    async with serve(settings.model_copy(update={"cache": CacheSettings(max_bytes=0)})) as made:
        await made.until_following()
        yield made


def store(service: Service, content: str, at: int, **fields: Any) -> str:
    """An analyzed post, created so many milliseconds after the day's noon."""
    document = service.store_received(content, 1, created_at=_DAY + at, **fields)
    post_id: str = service.store_analyzed(document)["_id"]
    return post_id


async def page_of(service: Service, **query: Any) -> Any:
    status, page, headers = await service.get("", params=query)
    assert status == 200, page
    assert headers["Cache-Control"] == "no-store"
    return page


async def found(service: Service, **query: Any) -> list[str]:
    page = await page_of(service, **query)
    assert "next_cursor" not in page
    return [post["post_id"] for post in page["posts"]]


async def test_posts_are_found_by_each_filter_newest_first(service: Service) -> None:
    a = store(
        service, "I love the café in Paris, #Python! https://www.example.com/x", 0, author="ada", tags=("x",)
    )
    b = store(
        service, "What a horrible, terrible day. @Bob #rain", 1000, author="bob", lang="en", source="web"
    )
    c = store(service, "Der Zug nach Berlin hat heute leider schon wieder Verspätung.", 2000, author="ada")
    d = store(service, "Coffee shop, concatenate. #python", 3000, tags=("x", "y"))
    for query, expected in (
        ({}, [d, c, b, a]),
        ({"author": "ada"}, [c, a]),
        ({"hashtag": "PYTHON"}, [d, a]),
        ({"mention": "@bob"}, [b]),
        ({"domain": "example.com"}, [a]),
        ({"language": "de"}, [c]),
        ({"lang": "EN"}, [b]),
        ({"source": "web"}, [b]),
        ({"tag": "x"}, [d, a]),
        ({"sentiment": "positive"}, [a]),
        ({"max_sentiment": "-0.3"}, [b]),
        ({"min_sentiment": "0.3", "max_sentiment": "1"}, [a]),
        ({"from": "2026-01-31T13:00:01+01:00"}, [d, c, b]),
        ({"until": "2026-01-31T12:00:01Z"}, [a]),
        ({"from": "2026-01-31T12:00:01Z", "until": "2026-01-31T12:00:03Z"}, [c, b]),
        ({"author": "ada", "hashtag": "#python", "language": "en", "sentiment": "positive", "tag": "x"}, [a]),
        ({"author": "ada", "tag": "y"}, []),
        ({"text": "coffee"}, [d]),
        ({"text": "COFFEE shop"}, [d]),
        ({"text": "café love"}, [a]),
        ({"text": "cafe"}, []),
        ({"text": "coffee cat"}, []),
        ({"text": "verspätung BERLIN", "language": "de"}, [c]),
        ({"text": "verspätungen"}, []),
        ({"text": "-coffee"}, [d]),
        ({"text": '"terrible horrible"', "author": "bob"}, [b]),
        ({"text": "day", "until": "2026-01-31T12:00:01Z"}, []),
    ):
        assert await found(service, **query) == expected, query


async def test_a_post_is_summed_up(service: Service) -> None:
    content = "I love the good rain, @Ada. #" + "h" * 150 + " " + "x" * 300
    post_id = store(service, content, 0, author="ada", tags=("x",))
    (post,) = (await page_of(service))["posts"]
    assert post.pop("sentiment") > 0
    assert post == {
        "post_id": post_id,
        "created_at": "2026-01-31T12:00:00.000Z",
        "author": "ada",
        "lang": None,
        "source": None,
        "tags": ["x"],
        "content": content[:280],
        "truncated": True,
        "language": "en",
        "sentiment_label": "positive",
        "num_of_words": 8,
        "hashtags": ["h" * 100],
        "mentions": ["ada"],
        "domains": [],
        "links": {"post": f"/api/v1/posts/{post_id}/", "analysis": f"/api/v1/posts/{post_id}/analysis/"},
    }
    for link in post["links"].values():
        async with service.http.get(link) as answer:
            assert answer.status == 200
    store(service, "x" * 280, 1)
    shorter = (await page_of(service))["posts"][0]
    assert (shorter["content"], shorter["truncated"]) == ("x" * 280, False)


async def test_only_what_is_analyzed_is_listed(service: Service) -> None:
    kept = store(service, "It stays.", 0, author="ada")
    gone = service.store_received("It goes.", 1, created_at=_DAY, author="ada")
    service.store_analyzed(gone)
    assert len(await found(service)) == 2
    service.store_deleted(gone)
    service.store_received("Under way.", 2, created_at=_DAY, author="ada")
    service.store_dead("No reason.")
    for query in ({}, {"author": "ada"}, {"from": "2026-01-01T00:00:00Z"}):
        assert await found(service, **query) == [kept]


async def test_pages_neither_double_nor_skip_what_is_there_while_posts_come(service: Service) -> None:
    chance = random.Random(1)
    # Many at one time, so that pages end among them.
    there = {store(service, f"Rain {n}.", n // 40, author="ada") for n in range(120)}
    for query in ({}, {"author": "ada"}, {"text": "rain"}):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        times: list[tuple[str, str]] = []
        while True:
            page = await page_of(service, limit=7, **query, **cursor)
            seen.extend(post["post_id"] for post in page["posts"])
            times.extend((post["created_at"], post["post_id"]) for post in page["posts"])
            for _ in range(3):
                store(service, "More rain.", chance.randrange(-3, 6), author="ada")
            if "next_cursor" not in page:
                break
            assert len(page["posts"]) == 7
            cursor = {"cursor": page["next_cursor"]}
        assert len(seen) == len(set(seen))
        assert there <= set(seen)
        assert times == sorted(times, reverse=True)


async def test_a_page_holds_fifty_and_at_most_two_hundred(service: Service) -> None:
    for n in range(51):
        store(service, "Rain.", n)
    assert len((await page_of(service))["posts"]) == 50
    assert len((await page_of(service, limit=200))["posts"]) == 51


async def test_what_is_not_allowed_is_a_problem(service: Service) -> None:
    for query, field in (
        ({"limit": "201"}, "limit"),
        ({"cursor": "abc"}, "cursor"),
        ({"text": "?!"}, "text"),
    ):
        status, problem, _ = await service.get("", params=query)
        assert (status, problem["field"]) == (422, field)


async def test_without_the_index_text_is_refused_and_names_the_setting(service: Service) -> None:
    post_id = store(service, "Rain.", 0)
    assert await found(service, text="rain") == [post_id]
    await prepare_database(service.pipeline.settings.mongo, "tests")
    for path in ("", "export/"):
        status, problem, _ = await service.get(path, params={"text": "rain"})
        assert (status, problem["field"]) == (501, "text")
        assert "POSTPULSE_MONGO_TEXT_INDEX" in problem["detail"]
    assert await found(service) == [post_id]


async def test_long_posts_are_not_found_by_their_words(service: Service) -> None:
    store(service, "Rain. " + "x" * 495, 0)
    post_id = store(service, "Rain. " + "x" * 494, 0)
    assert await found(service, text="rain") == [post_id]


async def test_it_is_of_the_current_generation(service: Service) -> None:
    old = store(service, "Rain.", 0)
    pipeline = service.pipeline
    async with connect(pipeline.settings.mongo, "tests") as client:
        collections = database(client, pipeline.settings.mongo)
        number = await create_generation(collections, 3, "a replay", text_index=True)
        document = pipeline.database.posts.find_one({"_id": old}) or {}
        new = document | {"_id": pipeline.ids.mint()}
        pipeline.database[POSTS.name_in(number)].insert_one(new)
        assert await found(service) == [old]
        await switch_generation(collections, number, 60.0, force=True)

    async def switched() -> bool:
        return await found(service) == [new["_id"]]

    await until("the new generation", switched)
    assert await found(service, text="rain") == [new["_id"]]


async def test_a_question_that_takes_too_long_is_ended_and_says_what_to_do(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime(2026, 1, 31, tzinfo=UTC)
    metrics = {"num_of_words": 1, "num_of_characters": 5, "language": "en", "sentiment": 0.0}
    many: list[Document] = [
        {
            "_id": f"{n:032d}",
            "state": "analyzed",
            "content": "rain",
            "created_at": day + timedelta(seconds=n),
            "analysis": metrics,
        }
        for n in range(20_000)
    ]
    service.pipeline.database.posts.insert_many(many, ordered=False)
    # Finding the servers takes longer than that.
    assert (await service.get("", params={"author": "nobody"}))[0] == 200
    monkeypatch.setattr(post_list, "_ANSWER_SECONDS", 0.01)
    for query in ({"text": "rain"}, {"min_sentiment": "0.9"}):
        status, problem, headers = await service.get("", params=query)
        assert (status, headers["Retry-After"]) == (503, "10")
        assert problem["detail"].startswith(
            "There is no answer within 0.01 s: ask for a shorter time, by from"
        )
