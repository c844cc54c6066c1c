"""Events: what is written is read again; what is none is told apart, whatever its bytes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse import events
from postpulse.events import (
    Analysis,
    Chunk,
    ChunkAnalysis,
    DeadLetter,
    Origin,
    Place,
    Post,
    UndecodableError,
)

EVENTS = (Post, Chunk, ChunkAnalysis, Analysis, DeadLetter)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
numbers = st.integers(-(2**63), 2**63 - 1)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
maybe = st.none() | texts
tags = st.lists(texts, max_size=4).map(tuple)
reasons: st.SearchStrategy[tuple[str, ...]] = st.lists(texts, max_size=2).map(tuple)
documents = st.dictionaries(texts, json_values, max_size=4)
places = st.builds(Place, numbers, numbers)
blobs = st.binary(max_size=50)
sent = {"author": maybe, "lang": maybe, "source": maybe, "tags": tags}
chunk = {"post_id": texts, "place": places, "index": numbers, "count": numbers, "exact": st.booleans()}

any_event = st.one_of(
    st.builds(Post, post_id=texts, content=texts, received_at=numbers, created_at=numbers, **sent),
    st.builds(Chunk, text=texts, **chunk),
    st.builds(ChunkAnalysis, analysis_version=numbers, partial=documents, **chunk),
    st.builds(
        Analysis,
        post_id=texts,
        revision=numbers,
        analysis_version=numbers,
        analyzed_at=numbers,
        created_at=numbers,
        received_at=numbers,
        chunks=numbers,
        metrics=documents,
        approximate=reasons,
        **sent,
    ),
    st.builds(
        DeadLetter,
        origin=st.builds(Origin, texts, numbers, numbers, st.none() | numbers),
        stage=texts,
        reason=texts,
        error_class=texts,
        attempt=numbers,
        dead_at=numbers,
        key=st.none() | blobs,
        value=st.none() | blobs,
        headers=st.lists(st.tuples(texts, blobs), max_size=3),
    ),
)

#: The least that each is read from, as another program might write it.
LEAST: dict[type, dict[str, Any]] = {
    Post: {"post_id": "a", "content": "b", "received_at": 1, "created_at": 2},
    Chunk: {"post_id": "a", "place": [0, 7], "index": 0, "count": 2, "text": "t"},
    ChunkAnalysis: {
        "post_id": "a",
        "place": [0, 7],
        "index": 0,
        "count": 2,
        "analysis_version": 1,
        "partial": {},
    },
    Analysis: {
        "post_id": "a",
        "revision": 7,
        "analysis_version": 1,
        "analyzed_at": 3,
        "created_at": 2,
        "received_at": 1,
        "chunks": 1,
        "metrics": {"num_of_words": 2},
    },
    DeadLetter: {
        "origin": {"topic": "posts.v1", "partition": 0, "offset": 7},
        "stage": "ingest",
        "reason": "r",
        "error_class": "E",
        "attempt": 1,
        "dead_at": 3,
        "key": None,
        "value": "/w==",
        "headers": [["a", "/w=="]],
    },
}
each_event = pytest.mark.parametrize("event", EVENTS)


def test_there_is_a_strategy_and_a_least_form_for_each() -> None:
    assert set(LEAST) == set(EVENTS) == set(events._decoders)


@given(any_event)
def test_what_is_written_is_read_again(event: Any) -> None:
    value = events.encode(event)
    assert events.decode(type(event), value) == event
    # JSON for any reader, and what is as usual is not written.
    document = json.loads(value)
    assert "schema_version" not in document
    assert document.get("tags") != []


@each_event
def test_the_least_form_is_read_and_fields_of_later_times_are_ignored(event: type[Any]) -> None:
    least = json.dumps(LEAST[event]).encode()
    later = json.dumps(
        {"added": {"later": [1]}, **LEAST[event], "more": None, "schema_version": 1}, indent=1
    ).encode()
    assert events.decode(event, least) == events.decode(event, later)
    assert events.decode(event, least).schema_version == 1


@each_event
def test_each_field_that_it_needs_is_named_when_it_is_missing_or_another(event: type[Any]) -> None:
    for field in LEAST[event]:
        without = {name: value for name, value in LEAST[event].items() if name != field}
        with pytest.raises(UndecodableError, match=f"^not a {event.__name__}: .*{field}"):
            events.decode(event, json.dumps(without).encode())
        with pytest.raises(UndecodableError, match=f"^not a {event.__name__}: .*{field}"):
            events.decode(event, json.dumps(without | {field: [{}]}).encode())


@each_event
@pytest.mark.parametrize("version", [0, 2, -1, 10**30])
def test_another_version_is_told_from_garbage(event: type[Any], version: int) -> None:
    value = json.dumps(LEAST[event] | {"schema_version": version}).encode()
    with pytest.raises(UndecodableError, match=f"of version 1: its schema_version is {version}$"):
        events.decode(event, value)


@each_event
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe{}",
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"metrics":' * 5_000,
        b'{"partial":' + b"[" * 100_000,
        b"NaN",
        b"{} {}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_garbage_is_refused(event: type[Any], value: bytes) -> None:
    with pytest.raises(UndecodableError, match=f"^not a {event.__name__}: "):
        events.decode(event, value)


@each_event
@given(value=st.binary(max_size=200))
def test_any_bytes_are_an_event_or_undecodable(event: type[Any], value: bytes) -> None:
    with pytest.raises(UndecodableError):
        events.decode(event, value)


@given(st.data())
def test_an_event_cut_short_is_undecodable(data: st.DataObject) -> None:
    event: Any = data.draw(any_event)
    value = events.encode(event)
    with pytest.raises(UndecodableError):
        events.decode(type(event), value[: data.draw(st.integers(0, len(value) - 1))])


@pytest.mark.parametrize(
    "content", [b'"\xed\xa0\x80"', b'"\\ud800"', b'"\xff"', b'"\xc0\x80"', b'"\\udc00x"', b'"\n"']
)
def test_text_that_is_no_unicode_is_undecodable(content: bytes) -> None:
    value = b'{"post_id":"a","received_at":1,"created_at":1,"content":' + content + b"}"
    with pytest.raises(UndecodableError, match=r"^not a Post: "):
        events.decode(Post, value)


def test_events_are_read_only() -> None:
    post = events.decode(Post, json.dumps(LEAST[Post]).encode())
    with pytest.raises(AttributeError):
        post.content = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Place(0, 1).offset = 2  # type: ignore[misc]


def test_a_later_offset_is_the_later_place() -> None:
    assert msgspec.json.encode(Place(3, 7)) == b"[3,7]"
    assert Place(1, 7) != Place(1, 8)


@each_event
def test_headers_say_what_the_value_is(event: type[Any]) -> None:
    usual = [("content-type", b"application/json"), ("schema", f"{event.__name__}/1".encode())]
    assert events.headers(event) == usual
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert events.headers(event, traceparent) == [*usual, ("traceparent", traceparent.encode())]
