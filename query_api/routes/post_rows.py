"""Exported posts as lines: NDJSON for programs, CSV for spreadsheets. Pure."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

#: The columns, in their order; each but `truncated` is a field of NDJSON.
COLUMNS = (
    "post_id",
    "created_at",
    "author",
    "lang",
    "source",
    "tags",
    "content",
    "truncated",
    "language",
    "sentiment",
    "sentiment_label",
    "num_of_words",
    "hashtags",
    "mentions",
    "domains",
)
#: What a cell of Excel holds, in UTF-16 units.
_LONGEST_CELL = 32_767
#: What spreadsheets begin formulas with (OWASP), in wide forms too; white space in front is passed over by some.
_FORMULA = tuple("=+-@＝＋－＠")


@dataclass(frozen=True, slots=True)
class Format:
    """How an export is written.

    Attributes:
        beginning: what stands before the first line.
        line: a row of `query_api.queries.post_list.row_view`, with its end of line.
    """

    content_type: str
    headers: Mapping[str, str]
    beginning: bytes
    line: Callable[[Mapping[str, Any]], bytes]


def ndjson_line(row: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(row) + b"\n"


def csv_line(row: Mapping[str, Any]) -> bytes:
    """Cells as spreadsheets take them, none of them a formula.

    Times are UTC without a sign for it, lists are joined, of what is too long for a cell there is the beginning.
    """
    content = _cell(row["content"])
    cells = {**row, "truncated": "false" if content.endswith(row["content"]) else "true"}
    cells["created_at"] = row["created_at"].replace("T", " ").removesuffix("Z")
    return _csv([_cell(cells[name]) for name in COLUMNS])


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = ", ".join(value)
    if not isinstance(value, str):
        return value
    if value[:1] in ("\t", "\r", "\n") or value.lstrip().startswith(_FORMULA):
        value = f"'{value}"
    if len(value) * 2 > _LONGEST_CELL:
        # A character may take two units; half of one is let go.
        value = value.encode("utf-16-le")[: 2 * _LONGEST_CELL].decode("utf-16-le", "ignore")
    return value


def _csv(cells: list[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


FORMATS = {
    "ndjson": Format("application/x-ndjson", {}, b"", ndjson_line),
    "csv": Format(
        "text/csv; charset=utf-8; header=present",
        {"Content-Disposition": 'attachment; filename="posts.csv"'},
        # With a byte order mark, without which Excel takes UTF-8 for something else.
        b"\xef\xbb\xbf" + _csv(["created_at_utc" if name == "created_at" else name for name in COLUMNS]),
        csv_line,
    ),
}
