"""What each call answers in each state of a post."""

import pytest

from stream_processors import analysis
from tests.integration.query_api.service import Service
from tests.waiting import until

CALLS = ("analysis/", "status/", "")


async def test_an_analysis_is_flat_and_whole(service: Service) -> None:
    post = service.store_received(
        "Hello there, world.",
        chunks=1,
        author="ada",
        lang="en",
        source="web",
        tags=("a", "b"),
        created_at=1_000,
    )
    done = service.store_analyzed(post)
    status, body, headers = await service.get(f"{post['_id']}/analysis/")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "private, no-cache"
    assert body == {
        "post_id": post["_id"],
        "status": "analyzed",
        **analysis.analyze("Hello there, world."),
        "analysis_version": analysis.ANALYSIS_VERSION,
        "analysis_us": 250,
        "revision": post["offset"],
        "chunks": 1,
        "approximate": [],
        "created_at": "1970-01-01T00:00:01.000Z",
        "received_at": f"{post['received_at']:%Y-%m-%dT%H:%M:%S}.{post['received_at'].microsecond // 1000:03}Z",
        "analyzed_at": f"{done['analyzed_at']:%Y-%m-%dT%H:%M:%S}.{done['analyzed_at'].microsecond // 1000:03}Z",
        "author": "ada",
        "lang": "en",
        "source": "web",
        "tags": ["a", "b"],
    }
    assert body["num_of_words"] == 3
    assert body["avg_word_len"] == 5.0


async def test_what_was_not_given_is_left_out(service: Service) -> None:
    post = service.store_analyzed(service.store_received("Short.", chunks=1))
    for call in ("analysis/", ""):
        status, body, _ = await service.get(f"{post['_id']}/{call}")
        assert status == 200
        assert not {"author", "lang", "source", "tags"} & body.keys()


async def test_a_post_is_answered_as_it_was_sent(service: Service) -> None:
    text = 'Straße \U0001f469‍\U0001f469‍\U0001f467 " \\ \n end'
    post = service.store_received(text, author="ada", tags=("x",))
    status, under_way, _ = await service.get(f"{post['_id']}/")
    assert status == 200
    assert under_way["status"] == "analyzing"
    assert under_way["content"] == text
    assert under_way["author"] == "ada"
    assert under_way["tags"] == ["x"]
    assert under_way["revision"] == post["offset"]
    service.store_analyzed(post)
    _, analyzed, _ = await service.get(f"{post['_id']}/")
    assert analyzed == under_way | {"status": "analyzed"}


@pytest.mark.parametrize("call", CALLS)
async def test_an_id_just_issued_is_under_way(service: Service, call: str) -> None:
    post_id = service.pipeline.ids.mint()
    status, body, headers = await service.get(f"{post_id}/{call}")
    assert headers["Cache-Control"] == "no-store"
    if call == "status/":
        assert (status, body) == (200, {"post_id": post_id, "status": "received"})
    else:
        assert (status, body) == (202, {"post_id": post_id, "status": "analyzing"})
        assert headers["Retry-After"] == "1"


async def test_the_status_tells_how_many_chunks_are_done(service: Service) -> None:
    post = service.store_received("long", chunks=3)
    results = service.pipeline.database.chunk_results
    where = f"{post['_id']}/status/"
    assert (await service.get(where))[1] == {
        "post_id": post["_id"],
        "status": "analyzing",
        "chunks": 3,
        "chunks_done": 0,
    }
    for index, offset in ((0, post["offset"]), (2, post["offset"]), (1, post["offset"] - 1)):
        results.insert_one(
            {
                "_id": f"{post['_id']}/{offset}/{index}",
                "post_id": post["_id"],
                "offset": offset,
                "index": index,
                "count": 3,
            }
        )
    # The result of an older version of the post does not count.
    assert (await service.get(where))[1]["chunks_done"] == 2
    done = service.store_analyzed(post)
    _, body, _ = await service.get(where)
    assert body.keys() == {"post_id", "status", "chunks", "analyzed_at"}
    assert (body["status"], body["chunks"]) == ("analyzed", 3)
    assert body["analyzed_at"].startswith(f"{done['analyzed_at']:%Y-%m-%dT%H:%M:%S}")


async def test_a_deleted_post_is_gone(service: Service) -> None:
    post = service.store_deleted(service.store_analyzed(service.store_received("Bye.", chunks=1)))
    for call in ("analysis/", "analysis/?wait=5", ""):
        status, body, headers = await service.get(f"{post['_id']}/{call}")
        assert (status, headers["Content-Type"]) == (410, "application/problem+json")
        assert headers["Cache-Control"] == "no-store"
        assert body["detail"] == "The post was deleted."
    assert (await service.get(f"{post['_id']}/status/"))[:2] == (
        200,
        {"post_id": post["_id"], "status": "deleted"},
    )


async def test_a_dead_lettered_post_says_why(service: Service) -> None:
    post = service.store_dead("not a Post: JSON is malformed")
    for call in ("analysis/", "analysis/?wait=5", ""):
        status, body, headers = await service.get(f"{post['_id']}/{call}")
        assert (status, headers["Content-Type"]) == (422, "application/problem+json")
        assert (body["stage"], body["reason"]) == ("ingest", "not a Post: JSON is malformed")
        assert "field" not in body
    assert (await service.get(f"{post['_id']}/status/"))[1] == {
        "post_id": post["_id"],
        "status": "dead_lettered",
        "stage": "ingest",
        "reason": "not a Post: JSON is malformed",
    }


@pytest.mark.parametrize("call", CALLS)
async def test_an_invented_id_is_not_found(service: Service, call: str) -> None:
    issued = service.pipeline.ids.mint()
    mangled = issued[:10] + ("0" if issued[10] != "0" else "1") + issued[11:]
    for post_id in ("0" * 32, mangled, issued[:-1], issued + "0", "1", "batch", "%00", "ÿ" * 32, "%2F" * 8):
        status, body, headers = await service.get(f"{post_id}/{call}")
        assert (status, headers["Content-Type"]) == (404, "application/problem+json")
        assert headers["Cache-Control"] == "no-store"
        assert body["status"] == 404


async def test_an_id_may_be_written_as_people_read_it(service: Service) -> None:
    post = service.store_analyzed(service.store_received("Read aloud.", chunks=1))
    for written in (post["_id"].lower(), post["_id"].replace("0", "O").replace("1", "l")):
        for call in CALLS:
            status, body, _ = await service.get(f"{written}/{call}")
            assert (status, body["post_id"]) == (200, post["_id"])


async def test_both_forms_of_a_path_and_head_answer_alike(service: Service) -> None:
    post = service.store_analyzed(service.store_received("Alike.", chunks=1))
    for call in ("analysis", "status", ""):
        path = f"{post['_id']}/{call}".rstrip("/")
        slash = await service.get(f"{path}/")
        bare = await service.get(path)
        assert slash[:2] == bare[:2]
        assert slash[0] == 200
        for form in (path, f"{path}/"):
            async with service.http.head(f"/api/v1/posts/{form}") as response:
                assert response.status == 200
                assert await response.read() == b""
                for name in ("Content-Length", "Content-Type", "ETag"):
                    assert response.headers.get(name) == slash[2].get(name)
    async with service.http.head("/api/v1/posts/nothing/") as response:
        assert response.status == 404


@pytest.mark.parametrize("call", ["analysis/", ""])
async def test_what_is_known_is_not_sent_again(service: Service, call: str) -> None:
    post = service.store_analyzed(service.store_received("Known.", chunks=1))
    path = f"{post['_id']}/{call}"
    tag = (await service.get(path))[2]["ETag"]
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        status, body, headers = await service.get(path, headers={"If-None-Match": known})
        assert (status, body) == (304, None)
        assert (headers["ETag"], headers["Cache-Control"]) == (tag, "private, no-cache")
    for other in ('"other"', tag[:-2] + '"', "nonsense", '""'):
        assert (await service.get(path, headers={"If-None-Match": other}))[0] == 200


async def test_an_edit_and_a_new_analysis_have_tags_of_their_own(service: Service) -> None:
    first = service.store_analyzed(service.store_received("First.", chunks=1))
    path = f"{first['_id']}/analysis/"
    tags = [(await service.get(path))[2]["ETag"]]

    async def is_another() -> bool:
        return (await service.get(path))[2]["ETag"] not in tags

    # An answer that is kept is let go when the event comes.
    edited = service.finish(service.store_received("Second words.", 1, post_id=first["_id"]))
    await until("the edit to be answered", is_another)
    status, body, headers = await service.get(path, headers={"If-None-Match": tags[0]})
    assert (status, body["num_of_words"], body["revision"]) == (200, 2, edited["offset"])
    tags.append(headers["ETag"])
    anew = {**edited, "analysis_version": edited["analysis_version"] + 1}
    service.pipeline.database.posts.replace_one({"_id": first["_id"]}, anew)
    service.announce(anew)
    await until("the new analysis to be answered", is_another)


@pytest.mark.parametrize(
    "wait", ["-1", "61", "60.001", "nan", "inf", "7e1", "1e999", "", "five", "1_0", "٣", "0x1", "9" * 400]
)
async def test_a_wait_that_is_not_allowed_names_itself(service: Service, wait: str) -> None:
    path = f"{service.pipeline.ids.mint()}/analysis/"
    status, body, _ = await service.get(path, params={"wait": wait})
    assert (status, body["field"]) == (422, "wait")
    assert "from 0 to 60" in body["detail"]
