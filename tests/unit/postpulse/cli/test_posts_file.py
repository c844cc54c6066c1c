"""How a file becomes posts: formats, line numbers, keys, and blocks that are bounded however the reads fall."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse.cli import posts_file
from postpulse.cli.posts_file import Format, Line, read_blocks


class _Pieces:
    """A pipe: each read gives one piece, whatever is asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, _size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def lines_of(content: bytes, form: Format | None = None) -> list[Line]:
    return [line for block in read_blocks(io.BytesIO(content), form, "k") for line in block.lines]


def body(line: Line) -> dict[str, Any]:
    assert line.body is not None
    decoded: dict[str, Any] = json.loads(line.body)
    return decoded


def test_ndjson_is_found_out_and_gets_keys_by_line_number() -> None:
    lines = lines_of(b'\xef\xbb\xbf\n{"content":"a"}\r\n  \n {"content":"b","author":"x"}')
    assert [line.number for line in lines] == [2, 4]
    assert body(lines[0]) == {"idempotency_key": "k-2", "content": "a"}
    assert body(lines[1]) == {"idempotency_key": "k-4", "content": "b", "author": "x"}


def test_a_key_of_the_posts_own_stays() -> None:
    (line,) = lines_of(b'{"content":"a","idempotency_key":"mine"}\n')
    assert body(line) == {"content": "a", "idempotency_key": "mine"}


@pytest.mark.parametrize("raw", [b"[1]", b"null", b"{}", b"{ }", b"not json", b"\xff\xfe"])
def test_what_is_no_post_is_sent_as_it_is_for_the_api_to_say_why(raw: bytes) -> None:
    lines = lines_of(b'{"content":"a"}\n' + raw + b"\n")
    assert lines[1] == Line(2, raw)


def test_lines_of_text_are_contents_to_the_last_character() -> None:
    lines = lines_of('first "quoted" line\r\n\n  zweite Zeile 🎉\t\n{not json}'.encode())
    assert [(line.number, body(line)["content"]) for line in lines] == [
        (1, 'first "quoted" line'),
        (3, "  zweite Zeile 🎉\t"),
        (4, "{not json}"),
    ]
    assert [body(line)["idempotency_key"] for line in lines] == ["k-1", "k-3", "k-4"]


def test_a_text_may_begin_with_a_brace_and_json_be_taken_as_text() -> None:
    assert body(lines_of(b"{not json}")[0])["content"] == "{not json}"
    assert body(lines_of(b'{"content":"a"}', "text")[0])["content"] == '{"content":"a"}'


def test_text_that_is_not_utf8_is_a_fault_of_its_line_alone() -> None:
    lines = lines_of(b"good\nb\xffd\ngood", "text")
    assert [line.body is None for line in lines] == [False, True, False]
    assert lines[1].fault == "The line is not UTF-8: invalid start byte at byte 1."


@pytest.mark.parametrize("end", [b"", b"\nlast"])
def test_a_line_that_is_too_long_is_passed_over_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(posts_file, "MAX_LINE_BYTES", 100)
    pieces = [b"first\n", *([b"x" * 60] * 50), end]
    lines = [line for block in read_blocks(_Pieces(*pieces), "text", "k") for line in block.lines]
    assert [(line.number, line.fault) for line in lines if line.body is None] == [
        (2, "The line is longer than 100 bytes.")
    ]
    assert [body(line)["content"] for line in lines if line.body] == ["first", *(["last"] if end else [])]


def test_blocks_are_bounded_by_number_and_by_size() -> None:
    by_number = list(read_blocks(io.BytesIO(b"x\n" * 1201), "text", "k"))
    assert [len(block.lines) for block in by_number] == [500, 500, 201]
    assert by_number[-1].position == 2402
    by_size = list(read_blocks(io.BytesIO((b"x" * 600_000 + b"\n") * 3), "text", "k"))
    assert [len(block.lines) for block in by_size] == [2, 1]


def test_a_slow_pipe_is_not_held_back() -> None:
    blocks = read_blocks(_Pieces(b"one\ntw", b"o\n", b"three"), "text", "k")
    assert [[body(line)["content"] for line in block.lines] for block in blocks] == [
        ["one"],
        ["two"],
        ["three"],
    ]


@given(
    st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8)),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_the_same_posts_however_the_reads_fall(texts: list[str], cuts: list[int]) -> None:
    content = "\n".join(texts).encode()
    pieces: list[bytes] = []
    start = 0
    while start < len(content):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(content[start : start + size])
        start += size
    cut = [line for block in read_blocks(_Pieces(*pieces), "text", "k") for line in block.lines]
    assert cut == lines_of(content, "text")
    expected = [text.removesuffix("\r") if n < len(texts) else text for n, text in enumerate(texts, 1)]
    expected[:1] = [text.removeprefix("\ufeff") for text in expected[:1]]
    assert [body(line)["content"] for line in cut] == [text for text in expected if text.encode().strip()]
