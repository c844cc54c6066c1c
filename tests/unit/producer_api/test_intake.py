"""What the intake takes, and what it says of the rest."""

import json
import time
from typing import Any

import pytest

from postpulse.post_ids import PostIds
from postpulse.settings import IntakeSettings
from postpulse.web.problems import Problem
from producer_api.intake import Intake

_IDS = PostIds([b"a key of sixteen bytes"])


def _intake(**limits: Any) -> Intake:
    return Intake(IntakeSettings(**limits), _IDS)


def _body(**fields: Any) -> bytes:
    return json.dumps({"content": "Hello.", **fields}).encode()


def _refused(body: bytes, **limits: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        _intake(**limits).post(body)
    return caught.value


def test_content_alone_is_enough() -> None:
    before = time.time_ns() // 1_000_000
    post = _intake().post(b'{"content": "Hello, \\ud83d\\ude00!"}')
    assert post.content == "Hello, \N{GRINNING FACE}!"
    assert _IDS.recognize(post.post_id) == post.post_id
    assert before <= post.received_at == post.created_at
    assert (post.author, post.lang, post.source, post.tags) == (None, None, None, ())


def test_every_field() -> None:
    post = _intake().post(
        _body(author="ada", created_at="2026-01-31T12:00:00.5+02:00", lang="pt-BR", source="web", tags=["a"])
    )
    assert (post.author, post.lang, post.source, post.tags) == ("ada", "pt-br", "web", ("a",))
    assert post.created_at == 1769853600500


def test_unknown_fields_are_ignored() -> None:
    assert _intake().post(_body(mood={"mood": 1, "more": [1, {"mood": 2}]})).content == "Hello."


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"hello", "not JSON"),
        (b'{"content": "a"} {"content": "b"}', "not JSON"),
        (b"\xef\xbb\xbf" + _body(), "not JSON"),
        (b'{"content": NaN}', "not JSON"),
        (b'{"content": "a", "x": Infinity}', "not JSON"),
        (b'{"content": "a\x01"}', "not JSON"),
        (b'{"content": "\\ud800"}', "lone surrogate"),
        (b'{"content": "\xff"}', "not UTF-8"),
        ('{"content": "a"}'.encode("utf-16"), "not JSON"),
        (b'{"content": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too deep"),
        (b'{"content": "a", "content": "b"}', "more than once"),
        (b'{"content": "a", "c\\u006fntent": "b"}', "more than once"),
        (b'{"author": "x", "content": "a", "author": null}', "more than once"),
    ],
)
def test_what_is_no_json_object_of_a_post(body: bytes, says: str) -> None:
    problem = _refused(body)
    assert problem.status == 400
    assert says in problem.detail


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", None),
        (b"null", None),
        (b'"content"', None),
        (b"{}", "content"),
        (b'{"content": null}', "content"),
        (b'{"content": 7}', "content"),
        (b'{"content": ["a"]}', "content"),
        (_body(content=""), "content"),
        (_body(content=" \n\t\u3000"), "content"),
        (_body(content="a\0b"), "content"),
        (_body(author=""), "author"),
        (_body(author="x" * 201), "author"),
        (_body(author=5), "author"),
        (_body(author="a\0"), "author"),
        (_body(source="x" * 201), "source"),
        (_body(lang="english!"), "lang"),
        (_body(lang=""), "lang"),
        (_body(tags="a"), "tags"),
        (_body(tags=["a", 1]), "tags[1]"),
        (_body(tags=[""]), "tags[]"),
        (_body(tags=["a"] * 51), "tags"),
        (_body(tags=["a", "b\0"]), "tags[1]"),
        (_body(created_at="yesterday"), "created_at"),
        (_body(created_at="2026-01-31"), "created_at"),
        (_body(created_at="2026-01-31T12:00:00"), "created_at"),
        (_body(created_at="2026-02-30T12:00:00Z"), "created_at"),
        (_body(created_at="1969-12-31T23:59:59Z"), "created_at"),
        (_body(created_at="9999-12-31T23:59:59Z"), "created_at"),
        (_body(created_at=1769853600), "created_at"),
    ],
)
def test_fields_that_are_not_allowed_are_named(body: bytes, field: str | None) -> None:
    problem = _refused(body)
    assert problem.status == 422
    assert problem.detail.endswith(".")
    if field is not None:
        assert problem.field is not None
        assert problem.field.split("[")[0] == field.split("[")[0]


def test_a_known_name_as_a_value_is_no_duplicate() -> None:
    assert _intake().post(_body(author="content", tags=["content", "tags"])).author == "content"
    assert _intake().post(_body(content='say "content": \\u0041')).content.startswith("say")


def test_the_limit_of_content_is_in_bytes_of_utf_8() -> None:
    assert _intake(max_content_bytes=8).post(_body(content="é" * 4)).content == "éééé"
    problem = _refused(_body(content="é" * 4 + "a"), max_content_bytes=8)
    assert problem.status == 413
    assert "8 bytes" in problem.detail
    assert problem.document()["limit"] == 8


def test_an_idempotency_key_gives_the_same_id_for_the_same_content() -> None:
    intake = _intake()
    first = intake.post(_body(), "key-1").post_id
    assert intake.post(_body(author="ada"), "key-1").post_id == first
    assert intake.post(_body(), "key-2").post_id != first
    assert intake.post(_body(content="Another."), "key-1").post_id != first
    assert intake.post(_body(), "key-1", caller="somebody").post_id != first
    assert _IDS.recognize(first) == first


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "é"])
def test_idempotency_keys_that_are_not_allowed(key: str) -> None:
    with pytest.raises(Problem) as caught:
        _intake().post(_body(), key)
    assert (caught.value.status, caught.value.field) == (400, "Idempotency-Key")


def test_the_key_may_be_a_field_of_the_post_and_the_header_goes_before_it() -> None:
    intake = _intake()
    by_header = intake.post(_body(), "key-1").post_id
    assert intake.post(_body(idempotency_key="key-1")).post_id == by_header
    assert intake.post(_body(idempotency_key="key-2"), "key-1").post_id == by_header
    assert intake.post(_body(idempotency_key="key-2")).post_id != by_header
    for key in ("", "with space", "x" * 256, "é"):
        problem = _refused(_body(idempotency_key=key))
        assert (problem.status, problem.field) == (422, "idempotency_key")
        with pytest.raises(Problem) as beside_a_header:
            intake.post(_body(idempotency_key=key), "key-1")
        assert (beside_a_header.value.status, beside_a_header.value.field) == (422, "idempotency_key")
