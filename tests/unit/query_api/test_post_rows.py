"""Exported posts as lines: as programs and as spreadsheets take them."""

import csv
import io
import json
from typing import Any

import pytest

from query_api.routes.post_rows import COLUMNS, FORMATS

_ROW: dict[str, Any] = {
    "post_id": "06H",
    "created_at": "2026-01-31T12:00:00.123Z",
    "author": None,
    "lang": "en",
    "source": "web",
    "tags": ["a", "b c"],
    "content": 'Rain, "again"\r\nü 🔥',
    "language": "en",
    "sentiment": -0.25,
    "sentiment_label": "negative",
    "num_of_words": 2,
    "hashtags": [],
    "mentions": ["ada"],
    "domains": ["example.com"],
}


def cells(**changes: Any) -> dict[str, str]:
    line = FORMATS["csv"].line({**_ROW, **changes}).decode()
    assert line.endswith("\r\n")
    (row,) = csv.reader(io.StringIO(line, newline=""))
    return dict(zip(COLUMNS, row, strict=True))


def test_ndjson_is_the_row_on_one_line() -> None:
    line = FORMATS["ndjson"].line(_ROW)
    assert json.loads(line) == _ROW
    assert line.count(b"\n") == 1


def test_csv_begins_with_a_mark_and_a_header() -> None:
    header = FORMATS["csv"].beginning.decode("utf-8-sig")
    assert FORMATS["csv"].beginning.startswith(b"\xef\xbb\xbf")
    assert header == ",".join(COLUMNS).replace("created_at", "created_at_utc") + "\r\n"


def test_csv_has_each_value_in_its_column() -> None:
    assert cells() == {
        "post_id": "06H",
        "created_at": "2026-01-31 12:00:00.123",
        "author": "",
        "lang": "en",
        "source": "web",
        "tags": "a, b c",
        "content": 'Rain, "again"\r\nü 🔥',
        "truncated": "false",
        "language": "en",
        "sentiment": "-0.25",
        "sentiment_label": "negative",
        "num_of_words": "2",
        "hashtags": "",
        "mentions": "ada",
        "domains": "example.com",
    }
    assert cells(sentiment=None)["sentiment"] == ""


@pytest.mark.parametrize("column", ["author", "source", "content", "post_id"])
@pytest.mark.parametrize(
    "formula", ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\rx", "\nx", "  =1", "＝1", "＋1", "－1", "＠x"]
)
def test_nothing_that_is_sent_becomes_a_formula(column: str, formula: str) -> None:
    found = cells(**{column: formula})
    assert found[column] == f"'{formula}"
    assert found["truncated"] == "false"


def test_a_list_is_no_formula_either() -> None:
    assert cells(tags=["=1", "b"])["tags"] == "'=1, b"


@pytest.mark.parametrize(
    ("content", "kept", "truncated"),
    [
        ("x" * 32_767, "x" * 32_767, "false"),
        ("x" * 32_768, "x" * 32_767, "true"),
        ("=" + "x" * 32_766, "'=" + "x" * 32_765, "true"),
        ("🔥" * 16_383, "🔥" * 16_383, "false"),
        ("🔥" * 16_384, "🔥" * 16_383, "true"),
    ],
)
def test_a_cell_holds_what_spreadsheets_let_it(content: str, kept: str, truncated: str) -> None:
    found = cells(content=content)
    assert (found["content"], found["truncated"]) == (kept, truncated)
