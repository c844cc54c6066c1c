"""Parameters as they are offered: no more than that is taken, and what is not allowed is named."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import pytest

from postpulse.web.problems import Problem
from query_api.routes.parameters import as_analyzed, body_parameters, query_parameters
from stream_processors.analysis import analyze


class Parameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    text: str | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    rate: float | None = None


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"until": "null"}, "until"),
        ({"limit": "null"}, "limit"),
        ({"rate": "NULL"}, "rate"),
        ({"until": "0.5"}, "until"),
        ({"until": "1769860800"}, "until"),
        ({"until": "2026-01-31"}, "until"),
        ({"limit": "0"}, "limit"),
        ({"limits": "1"}, "limits"),
    ],
)
def test_of_a_query_that_is_not_allowed_the_parameter_is_named(query: dict[str, str], named: str) -> None:
    with pytest.raises(Problem) as refused:
        query_parameters(query, Parameters)
    assert (refused.value.status, refused.value.field) == (422, named)


def test_a_query_is_read_by_its_types() -> None:
    query = {"text": "null", "until": "2026-01-31T12:00:00Z", "limit": "7", "rate": "0.5"}
    until = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert query_parameters(query, Parameters) == Parameters(text="null", until=until, limit=7, rate=0.5)


@pytest.mark.parametrize(
    ("body", "limit"), [(b"", None), (b" \r\n\t", None), (b"{}", None), (b'{"limit": 2.0}', 2)]
)
def test_bodies_that_are_allowed(body: bytes, limit: int | None) -> None:
    assert body_parameters(body, Parameters) == Parameters(limit=limit)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"\x0b", 400, None),
        (b"\x0c{}", 400, None),
        (b"{", 400, None),
        (b'{"text": "\xff"}', 400, None),
        (b"[" * 100_000, 400, None),
        (b"[]", 422, None),
        (b"null", 422, None),
        (b'{"text": null}', 422, "text"),
        (b'{"until": null}', 422, "until"),
        (b'{"until": 0.5}', 422, "until"),
        (b'{"limit": 2.5}', 422, "limit"),
        (b'{"limit": 1e400}', 422, "limit"),
        (b'{"limit": "2"}', 422, "limit"),
    ],
)
def test_bodies_that_are_not(body: bytes, status: int, named: str | None) -> None:
    with pytest.raises(Problem) as refused:
        body_parameters(body, Parameters)
    assert (refused.value.status, refused.value.field) == (status, named)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("hashtag", "#Straße", "strasse"),
        ("hashtag", "＃ÄPFEL", "äpfel"),
        ("hashtag", "Kafka", "kafka"),
        ("hashtag", "##kafka", "kafka"),
        ("mention", "@Ada", "ada"),
        ("mention", "＠ada", "ada"),
    ],
)
def test_values_are_asked_for_as_analyses_have_them(name: str, value: str, wanted: str) -> None:
    assert as_analyzed(name, value) == wanted
    sign = {"hashtag": "#", "mention": "@"}[name]
    assert analyze(f"see {sign}{value.lstrip('#＃@＠')}")[f"{name}s"] == [wanted]


@pytest.mark.parametrize(("name", "value"), [("hashtag", "#"), ("hashtag", "＃#"), ("mention", "@")])
def test_a_sign_alone_is_no_value(name: str, value: str) -> None:
    with pytest.raises(Problem) as refused:
        as_analyzed(name, value)
    assert (refused.value.status, refused.value.field) == (422, name)
