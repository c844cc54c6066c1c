"""What callers write becomes filters and places, or a problem that names the parameter."""

from datetime import UTC, datetime
from typing import Any

import pytest

from postpulse.web.problems import Problem
from query_api.queries.post_list import Filters
from query_api.routes.parameters import query_parameters
from query_api.routes.post_list_parameters import ExportParameters, ListParameters, cursor_of

_TIME = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def filters_of(**query: str) -> Filters:
    return query_parameters(query, ListParameters).filters


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ({}, {}),
        ({"author": "Ada #1"}, {"author": "Ada #1"}),
        ({"hashtag": "#Straße"}, {"hashtag": "strasse"}),
        ({"hashtag": "＃Python"}, {"hashtag": "python"}),
        ({"mention": "@Ada"}, {"mention": "ada"}),
        ({"domain": "WWW.Example.com"}, {"domain": "example.com"}),
        ({"language": "EN", "lang": "pt-BR"}, {"language": "en", "lang": "pt-br"}),
        ({"source": "Web", "tag": "A b"}, {"source": "Web", "tag": "A b"}),
        (
            {"sentiment": "neutral", "min_sentiment": "-0.5", "max_sentiment": "1"},
            {"sentiment": "neutral", "min_sentiment": -0.5, "max_sentiment": 1.0},
        ),
        ({"from": "2026-01-31T13:00:00.123+01:00"}, {"from_": _TIME}),
        ({"until": "2026-01-31T12:00:00.123Z"}, {"until": _TIME}),
        ({"text": "Rain, rain -coffee"}, {"words": ("rain", "coffee")}),
        ({"text": '"don\'t" #Python @ada'}, {"words": ("don", "t", "Python", "ada")}),
        ({"text": "{$where: 1}"}, {"words": ("where", "1")}),
        ({"text": "snake_case café 東京タワー。 🔥"}, {"words": ("snake_case", "café", "東京タワー", "🔥")}),
    ],
)
def test_filters_have_the_values_that_documents_have(query: dict[str, str], filters: dict[str, Any]) -> None:
    assert filters_of(**query) == Filters(**filters)


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ({"autor": "ada"}, "autor", "author"),
        ({"author": ""}, "author", "length >= 1"),
        ({"author": "a" * 201}, "author", "length <= 200"),
        ({"source": "a\0"}, "source", "matching"),
        ({"hashtag": "#"}, "hashtag", "sign"),
        ({"mention": "@"}, "mention", "sign"),
        ({"sentiment": "good"}, "sentiment", "allowed are positive, neutral, negative"),
        ({"min_sentiment": "1.1"}, "min_sentiment", "<= 1"),
        ({"min_sentiment": "nan"}, "min_sentiment", "min_sentiment"),
        ({"min_sentiment": "0.5", "max_sentiment": "0.4"}, "max_sentiment", "less than min_sentiment"),
        ({"from": "2026-01-31"}, "from", "RFC 3339"),
        ({"from": "2026-01-31T12:00:00"}, "from", "offset"),
        ({"from": "0001-01-01T00:00:00+01:00"}, "from", "UTC"),
        ({"until": "9999-12-31T23:59:59-01:00"}, "until", "UTC"),
        ({"from": "2026-01-31T12:00:00Z", "until": "2026-01-31T13:00:00+01:00"}, "until", "later than from"),
        ({"text": '-"!?"'}, "text", "1 to 10"),
        ({"text": "a b c d e f g h i j k"}, "text", "not 11"),
        ({"limit": "0"}, "limit", ">= 1"),
        ({"limit": "201"}, "limit", "<= 200"),
        ({"limit": "many"}, "limit", "int"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(query: dict[str, str], field: str, said: str) -> None:
    with pytest.raises(Problem) as raised:
        filters_of(**query)
    assert (raised.value.status, raised.value.field) == (422, field)
    assert said in raised.value.detail


def test_a_cursor_is_the_place_that_it_was_made_of() -> None:
    for post_id in ("06H18JCBZDB7Z846TT89X5Q2M4RNA0KC", "a_b", "ü/?"):
        place = (_TIME, post_id)
        assert query_parameters({"cursor": cursor_of(place)}, ListParameters).after == place
    assert query_parameters({}, ListParameters).after is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "_",
        "2026-01-31T12:00:00.123Z",
        "2026-01-31T12:00:00Z_a",
        "2026-01-31T13:00:00.123+01:00_a",
        "2026-01-31T12:00:00.1234Z_a",
        "2026-01-31T12:00:00.123_a",
        "0001-01-01T00:00:00.000+23:00_a",
        "2026-02-30T12:00:00.123Z_a",
        "2026-01-31T12:00:00.123Z_a\0",
        "2026-01-31T12:00:00.123Z_" + "a" * 1000,
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as raised:
        _ = query_parameters({"cursor": cursor}, ListParameters).after
    assert (raised.value.status, raised.value.field) == (422, "cursor")


def test_an_export_has_a_format_and_no_pages() -> None:
    assert query_parameters({}, ExportParameters).format == "ndjson"
    for query, field in (
        ({"format": "xml"}, "format"),
        ({"limit": "1"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ):
        with pytest.raises(Problem) as raised:
            query_parameters(query, ExportParameters)
        assert raised.value.field == field
