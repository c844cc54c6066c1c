"""The calls about dead letters: looked at as stored by the sink's own function, redriven through a real worker."""

from datetime import UTC, datetime
from typing import Any

import pytest

from postpulse import events
from postpulse.dead_letters import letter_id, letter_key
from postpulse.events import DeadLetter, Origin
from postpulse.settings import KafkaSettings, Settings
from postpulse.topics import DEAD_LETTERS, POST_CHUNKS, POSTS
from stream_processors.sink.letters import kept
from tests.integration.dead_letters import DEAD_AT, letter_of, letters_in, send_letters
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.service import Service
from tests.pipeline import Pipeline
from tests.waiting import until

_PATH = "/api/v1/dead-letters/"


def store(pipeline: Pipeline, *letters: DeadLetter) -> list[str]:
    """As the agent that keeps letters does; returns their ids."""
    posts = pipeline.topic(POSTS)
    pipeline.database.dead_letters.insert_many([kept(letter, posts) for letter in letters])
    return [letter_id(letter_key(letter.origin)) for letter in letters]


async def get(service: Service, path: str = "", **parameters: Any) -> tuple[int, Any]:
    async with service.http.get(f"{_PATH}{path}", params=parameters) as answer:
        return answer.status, await answer.json(content_type=None)


async def act(service: Service, action: str, **body: Any) -> tuple[int, Any]:
    async with service.http.post(f"{_PATH}{action}/", json=body) as answer:
        return answer.status, await answer.json(content_type=None)


def ids(page: Any) -> list[str]:
    return [letter["id"] for letter in page["dead_letters"]]


def rfc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")


async def test_letters_are_found_by_each_filter_newest_first(service: Service) -> None:
    pipeline = service.pipeline
    first, second, third = (pipeline.post(f"Post {n}.") for n in range(3))
    chunks = Origin(pipeline.topic(POST_CHUNKS), 0, 2)
    a, b, c = store(
        pipeline,
        letter_of(pipeline, first, 0),
        letter_of(pipeline, second, 1, reason="Not a Post: (.*", error_class="UndecodableError"),
        letter_of(pipeline, third, 2, origin=chunks, stage="analyze", key=f"{third.post_id}:0".encode()),
    )
    for parameters, found in (
        ({}, [c, b, a]),
        ({"stage": "ingest"}, [b, a]),
        ({"reason": "not a post: (.*"}, [b]),
        ({"reason": ".*"}, [b]),
        ({"error_class": "ValueError"}, [c, a]),
        ({"post_id": third.post_id}, [c]),
        ({"topic": "post-chunks.v1"}, [c]),
        ({"topic": chunks.topic}, [c]),
        ({"from": rfc(DEAD_AT + 1)}, [c, b]),
        ({"until": rfc(DEAD_AT + 1)}, [a]),
        ({"from": rfc(DEAD_AT + 1), "until": rfc(DEAD_AT + 2), "stage": "ingest"}, [b]),
        ({"stage": "merge"}, []),
    ):
        status, page = await get(service, **parameters)
        assert (status, ids(page)) == (200, found), parameters
        assert "next_cursor" not in page
    assert (await get(service, "stats/"))[1] == {
        "letters": 3,
        "stages": {"ingest": 2, "analyze": 1},
        "error_classes": {"ValueError": 2, "UndecodableError": 1},
        "oldest": f"{rfc(DEAD_AT)[:19]}.{DEAD_AT % 1000:03d}Z",
        "newest": f"{rfc(DEAD_AT + 2)[:19]}.{(DEAD_AT + 2) % 1000:03d}Z",
    }


async def test_pages_give_each_letter_once_though_letters_come_meanwhile(service: Service) -> None:
    pipeline = service.pipeline
    post = pipeline.post("Hello.")
    # Several of the same millisecond.
    all_ids = store(pipeline, *(letter_of(pipeline, post, n, dead_at=DEAD_AT + n // 4) for n in range(10)))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        _, page = await get(service, limit=3, **cursor)
        seen += ids(page)
        store(pipeline, letter_of(pipeline, post, 100 + len(seen)))
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == 10
    assert set(seen) == set(all_ids)


async def test_without_letters_there_is_nothing_to_see(service: Service) -> None:
    assert await get(service) == (200, {"dead_letters": []})
    _, stats = await get(service, "stats/")
    assert stats == {"letters": 0, "stages": {}, "error_classes": {}, "oldest": None, "newest": None}
    for id_ in ("posts.v1-0-1", "nonsense"):
        assert (await get(service, f"{id_}/"))[0] == 404


@pytest.mark.parametrize(
    ("parameters", "field", "said"),
    [
        ({"limit": "0"}, "limit", ">= 1"),
        ({"limit": "1001"}, "limit", "<= 1000"),
        ({"limit": "many"}, "limit", "int"),
        (
            {"stge": "ingest"},
            "stge",
            "there are stage, reason, error_class, post_id, topic, from, until, cursor",
        ),
        ({"stage": ""}, "stage", "length >= 1"),
        ({"reason": "\x00"}, "reason", "x00"),
        ({"from": "yesterday"}, "from", "RFC 3339"),
        ({"until": "2026-01-31T12:00:00"}, "until", "with an offset"),
        ({"cursor": "x"}, "cursor", "next_cursor"),
        ({"cursor": "1769860800000_x"}, "cursor", "next_cursor"),
        ({"cursor": f"{10**14}_posts.v1-0-1"}, "cursor", "next_cursor"),
        ({"cursor": "now_posts.v1-0-1"}, "cursor", "next_cursor"),
    ],
)
async def test_a_parameter_that_is_not_allowed_is_named(
    service: Service, parameters: dict[str, str], field: str, said: str
) -> None:
    status, problem = await get(service, **parameters)
    assert (status, problem["field"]) == (422, field)
    assert said in problem["detail"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 422, "Say which letters"),
        (b"{}", 422, "Say which letters"),
        (b'{"dry_run": true}', 422, "Say which letters"),
        (b'{"all": true, "stage": "ingest"}', 422, "not all and filters together"),
        (b'{"ids": []}', 422, "ids"),
        (b'{"ids": ["nonsense"]}', 422, "nonsense is none"),
        (b'{"stge": "ingest"}', 422, "There is no parameter stge"),
        (b'{"stage": 7}', 422, "stage is not allowed"),
        (b"[]", 422, "must be a JSON object"),
        (b"{", 400, "not JSON"),
        (b'{"ids": ["' + b"x" * 600_000 + b'"]}', 413, "at most"),
    ],
)
@pytest.mark.parametrize("action", ["redrive", "discard"])
async def test_nothing_is_touched_where_it_is_not_said_what(
    service: Service, action: str, body: bytes, status: int, said: str
) -> None:
    store(service.pipeline, letter_of(service.pipeline, service.pipeline.post("Hello.")))
    headers = {"Content-Type": "application/json"}
    async with service.http.post(f"{_PATH}{action}/", data=body, headers=headers) as answer:
        problem = await answer.json(content_type=None)
        assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert said in problem["detail"]
    assert len(letters_in(service.pipeline)) == 1
    assert service.pipeline.read_all(DEAD_LETTERS) == []


async def test_garbage_is_listed_with_its_reason_and_shown_as_it_was(service: Service) -> None:
    pipeline = service.pipeline
    post_id = pipeline.ids.mint()
    pipeline.start_worker()
    pipeline.send_raw(POSTS, post_id.encode(), b"{not json", headers=[("trace", b"x")])
    pipeline.send_raw(POSTS, post_id.encode(), b"\xff\xfe", headers=[("trace", b"\xff")])
    pipeline.flush()
    await until("two letters", lambda: len(letters_in(pipeline)) == 2)
    _, page = await get(service, post_id=post_id)
    assert {letter["stage"] for letter in page["dead_letters"]} == {"ingest"}
    assert all(letter["reason"].startswith("not a Post: ") for letter in page["dead_letters"])
    shown = {
        letter["origin"]["offset"]: letter
        for id_ in ids(page)
        for status, letter in [await get(service, f"{id_}/")]
        if status == 200
    }
    text, binary = (shown[offset] for offset in sorted(shown))
    assert (text["key"], text["value"]) == ({"text": post_id}, {"text": "{not json"})
    assert (binary["value"], binary["value_bytes"]) == ({"base64": "//4="}, 2)
    assert text["headers"] == [{"name": "trace", "text": "x"}]
    assert binary["headers"] == [{"name": "trace", "base64": "/w=="}]
    _, status, _ = await service.get(f"{post_id}/status/")
    assert (status["status"], status["stage"], status["dead_letter"]) == (
        "dead_lettered",
        "ingest",
        page["dead_letters"][0]["id"],
    )
    assert (status["reason"], status["dead_at"]) == (
        page["dead_letters"][0]["reason"],
        page["dead_letters"][0]["dead_at"],
    )


async def test_of_a_letter_only_the_beginning_is_shown_where_that_is_enough(service: Service) -> None:
    pipeline = service.pipeline
    text, binary = store(
        pipeline,
        letter_of(pipeline, pipeline.post("Hello."), 0, value="naïve 👩‍🚀".encode()),
        letter_of(pipeline, pipeline.post("Hello."), 1, value=b"\xff" * 5),
    )
    for letter, most, shown in (
        (text, 2, {"text": "na"}),
        (text, 3, {"text": "na"}),
        (text, 4, {"text": "naï"}),
        (text, 10, {"text": "naïve "}),
        (text, 11, {"text": "naïve 👩"}),
        (text, 1000, {"text": "naïve 👩‍🚀"}),
        (binary, 2, {"base64": "//8="}),
    ):
        status, found = await get(service, f"{letter}/", max_value_bytes=most)
        assert (status, found["value"]) == (200, shown), most
        assert found["value_bytes"] == (18 if letter == text else 5)
    for wrong in ("0", "many", str(8 * 1024 * 1024 + 1)):
        status, problem = await get(service, f"{text}/", max_value_bytes=wrong)
        assert (status, problem["field"]) == (422, "max_value_bytes")


async def test_a_redriven_record_is_analyzed_and_its_letter_gone(service: Service) -> None:
    pipeline = service.pipeline
    post = pipeline.post("Now it can be read.")
    worker = pipeline.start_worker()
    # Its record stood at an offset that is taken by something else since: what it was is in the letter.
    # Of more than 32 bits, which MongoDB gives back as a type of its own.
    (key,) = send_letters(pipeline, letter_of(pipeline, post, 2**40, dead_at=DEAD_AT))
    await until("the letter", lambda: letters_in(pipeline))
    assert (await service.get(f"{post.post_id}/status/"))[1]["dead_letter"] == letter_id(key)

    dry = {"dry_run": True, "redriven": [letter_id(key)], "refused": [], "left": 0}
    assert await act(service, "redrive", all=True, dry_run=True) == (200, dry)
    assert (len(letters_in(pipeline)), pipeline.read_all(POSTS)) == (1, [])

    assert await act(service, "redrive", ids=[letter_id(key)]) == (200, {**dry, "dry_run": False})
    assert letters_in(pipeline) == {}
    await until("the analysis", lambda: (pipeline.find(post.post_id) or {}).get("state") == "analyzed")
    assert pipeline.read_all(POSTS) == [(post.post_id.encode(), events.encode(post))]
    assert dict(pipeline.read_all(DEAD_LETTERS)) == {key.encode(): None}
    pipeline.wait_committed(DEAD_LETTERS)
    assert letters_in(pipeline) == {}
    assert (await service.get(f"{post.post_id}/status/"))[1]["status"] == "analyzed"
    status, again = await act(service, "redrive", ids=[letter_id(key)])
    assert (status, again["redriven"], again["refused"][0]["reason"]) == (200, [], "not_found")
    assert pipeline.stop(worker) == 0


async def test_one_that_fails_again_keeps_its_history_and_its_bytes(service: Service) -> None:
    pipeline = service.pipeline
    post_id = pipeline.ids.mint()
    pipeline.start_worker()
    pipeline.send_raw(POSTS, post_id.encode(), b"{broken", headers=[("trace", b"\xff")])
    pipeline.flush()
    origins = []
    for attempt in (1, 2, 3):

        def failed(attempt: int = attempt) -> bool:
            return [letter["attempt"] for letter in letters_in(pipeline).values()] == [attempt]

        await until(f"attempt {attempt}", failed)
        _, page = await get(service)
        (summary,) = page["dead_letters"]
        origins.append(summary["id"])
        _, letter = await get(service, f"{summary['id']}/")
        assert (letter["value"], letter["post_id"]) == ({"text": "{broken"}, post_id)
        assert letter["headers"] == [{"name": "trace", "base64": "/w=="}]
        assert [failure["id"] for failure in letter["history"]] == origins[:-1]
        assert all(failure["reason"] == letter["reason"] for failure in letter["history"])
        first = letter["redriven_from"]
        assert (
            first is None
            if attempt == 1
            else f"{first['topic']}-{first['partition']}-{first['offset']}" == origins[0]
        )
        _, done = await act(service, "redrive", stage="ingest")
        assert done["redriven"] == [summary["id"]]


async def test_what_was_edited_or_deleted_since_is_refused(service: Service) -> None:
    pipeline = service.pipeline
    edited, deleted, chunk, lost = (pipeline.post(f"Post {n}.") for n in range(4))
    refused = store(
        pipeline,
        letter_of(pipeline, edited, 5),
        letter_of(pipeline, deleted, 6),
        letter_of(pipeline, chunk, 7, origin=Origin(pipeline.topic(POST_CHUNKS), 0, 7)),
        letter_of(pipeline, lost, 8, origin=Origin("elsewhere.v1", 0, 8)),
    )
    for post, state, offset in ((edited, "analyzed", 9), (deleted, "deleted", 9), (chunk, "deleted", 3)):
        pipeline.database.posts.insert_one(
            {"_id": post.post_id, "partition": 0, "offset": offset, "state": state}
        )
    for body in ({"all": True, "dry_run": True}, {"all": True}, {"ids": refused}):
        status, answer = await act(service, "redrive", **body)
        assert (status, answer["redriven"], answer["left"]) == (200, [], 0)
        assert {refusal["id"]: refusal["reason"] for refusal in answer["refused"]} == dict(
            zip(refused, ["superseded", "superseded", "superseded", "no_way_back"], strict=True)
        )
    assert len(letters_in(pipeline)) == 4
    assert pipeline.read_all(POSTS) == pipeline.read_all(DEAD_LETTERS) == []


async def test_a_post_is_dead_lettered_where_a_piece_of_it_is_until_it_is_finished(service: Service) -> None:
    pipeline = service.pipeline
    document = service.store_received("A long one.")
    post = pipeline.post("A long one.", post_id=document["_id"])

    async def status() -> Any:
        return (await service.get(f"{post.post_id}/status/"))[1]

    # Of an earlier record of the same post: the document is of a later one.
    store(pipeline, letter_of(pipeline, post, document["offset"] - 1))
    assert (await status())["status"] == "analyzing"
    chunks = Origin(pipeline.topic(POST_CHUNKS), 0, 3)
    (id_,) = store(pipeline, letter_of(pipeline, post, origin=chunks, stage="analyze", dead_at=DEAD_AT - 1))
    assert {name: value for name, value in (await status()).items() if name != "dead_at"} == {
        "post_id": post.post_id,
        "status": "dead_lettered",
        "stage": "analyze",
        "reason": "it broke",
        "dead_letter": id_,
    }
    service.store_analyzed(document)
    assert (await status())["status"] == "analyzed"


async def test_work_is_bounded_and_goes_on_behind_what_was_refused(service: Service) -> None:
    pipeline = service.pipeline
    stays = pipeline.post("Replaced.")
    pipeline.database.posts.insert_one(
        {"_id": stays.post_id, "partition": 0, "offset": 50, "state": "analyzed"}
    )
    first, second, third = store(
        pipeline,
        letter_of(pipeline, stays, 0),
        *(letter_of(pipeline, pipeline.post(f"Post {n}."), n) for n in (1, 2)),
    )
    _, one = await act(service, "redrive", all=True, limit=1)
    assert ([refusal["id"] for refusal in one["refused"]], one["left"]) == ([first], 2)
    _, two = await act(service, "redrive", all=True, limit=1, cursor=one["next_cursor"])
    assert (two["redriven"], two["left"]) == ([second], 1)
    _, three = await act(service, "redrive", all=True, limit=1, cursor=two["next_cursor"])
    assert (three["redriven"], three["left"], "next_cursor" in three) == ([third], 0, False)
    assert list(letters_in(pipeline)) == [first.replace("-", "/")]


async def test_a_discarded_letter_stays_away(service: Service) -> None:
    pipeline = service.pipeline
    pipeline.start_worker()
    keys = send_letters(
        pipeline, *(letter_of(pipeline, pipeline.post("x"), n, reason=f"r{n}") for n in range(3))
    )
    await until("three letters", lambda: len(letters_in(pipeline)) == 3)
    _, dry = await act(service, "discard", reason="r1", dry_run=True)
    assert (dry["discarded"], len(letters_in(pipeline))) == ([letter_id(keys[1])], 3)
    _, done = await act(service, "discard", reason="r1")
    assert done == {"dry_run": False, "discarded": [letter_id(keys[1])], "refused": [], "left": 0}
    assert letters_in(pipeline).keys() == {keys[0], keys[2]}
    _, rest = await act(service, "discard", all=True)
    assert len(rest["discarded"]) == 2
    pipeline.wait_committed(DEAD_LETTERS)
    assert letters_in(pipeline) == {}
    assert set(dict(pipeline.read_all(DEAD_LETTERS)).values()) == {None}


async def test_without_brokers_nothing_moves_and_the_answer_says_when_to_come_back(
    serve: Serve, settings: Settings, pipeline: Pipeline
) -> None:
    (id_,) = store(pipeline, letter_of(pipeline, pipeline.post("Hello.")))
    away = KafkaSettings(
        bootstrap_servers="127.0.0.1:1",
        topic_prefix=settings.kafka.topic_prefix,
        delivery_timeout_seconds=1,
    )
    async with serve(settings.model_copy(update={"kafka": away})) as service:
        for action in ("redrive", "discard"):
            async with service.http.post(f"{_PATH}{action}/", json={"ids": [id_]}) as answer:
                assert (answer.status, answer.content_type) == (503, "application/problem+json")
                assert int(answer.headers["Retry-After"]) > 0
        assert ids((await get(service))[1]) == [id_]


async def test_answers_are_as_openapi_describes_them(service: Service) -> None:
    pipeline = service.pipeline
    id_, _ = store(pipeline, *(letter_of(pipeline, pipeline.post("Hello."), n) for n in range(2)))
    async with service.http.get("/api/v1/openapi.json") as answer:
        document = await answer.json()

    def check(path: str, method: str, status: int, body: Any) -> None:
        response = document["paths"][f"{_PATH}{path}"][method]["responses"][str(status)]
        (content,) = response["content"].values()
        schema = content["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert set(schema["required"]) <= body.keys()
        if status < 400:
            assert body.keys() <= schema["properties"].keys()

    check("", "get", *await get(service, limit=1))
    check("", "get", *await get(service, limit=0))
    check("stats/", "get", *await get(service, "stats/"))
    check("{letter_id}/", "get", *await get(service, f"{id_}/"))
    check("{letter_id}/", "get", *await get(service, "none/"))
    check("discard/", "post", *await act(service, "discard"))
    check("redrive/", "post", *await act(service, "redrive", all=True, dry_run=True, limit=1))
    check("discard/", "post", *await act(service, "discard", all=True, limit=1))
    listed = document["paths"][_PATH]["get"]["parameters"]
    body = document["components"]["schemas"]["DeadLetterSelection"]["properties"]
    assert {parameter["name"] for parameter in listed} == body.keys() - {"ids", "all", "dry_run"}
