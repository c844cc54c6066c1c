"""A file of posts, read in blocks of bounded size: NDJSON objects, or lines of text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

Format = Literal["ndjson", "text"]

_READ_BYTES = 262_144
_BLOCK_POSTS = 500
_BLOCK_BYTES = 1_048_576
#: More than any API takes; what follows up to the line's end is passed over, so that memory stays bounded.
MAX_LINE_BYTES = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class RawFile(Protocol):
    """A file opened without a buffer: `read` returns what is there, and b"" only at the end."""

    def read(self, size: int, /) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One post: the number of its line, from 1, and the JSON to send; None where it cannot be sent."""

    number: int
    body: bytes | None
    fault: str = ""


@dataclass(slots=True)
class Block:
    """Posts that are sent together; `position` is how many bytes of the file they reach to."""

    lines: list[Line] = field(default_factory=list)
    size: int = 0
    position: int = 0


def read_blocks(file: RawFile, form: Format | None, key: str) -> Iterator[Block]:
    """The posts of a file; blank lines are left out.

    A block ends when it is full, and where a pipe has no more at the moment, so that a slow input is not held back.

    Args:
        file: anything whose `read` returns what is there.
        form: None finds out by the first line: a JSON object is NDJSON.
        key: with the line number added, the `idempotency_key` of each post that has none.
    """
    block = Block()
    for lines, position, no_more_now in _reads(file):
        for number, raw in lines:
            line = _too_long(number)
            if raw is not None:
                if not raw.strip():
                    continue
                form = form or _detect(raw)
                line = _ndjson(number, raw, key) if form == "ndjson" else _text(number, raw, key)
            block.lines.append(line)
            block.size += len(line.body or b"")
            if len(block.lines) >= _BLOCK_POSTS or block.size >= _BLOCK_BYTES:
                block.position = position
                yield block
                block = Block()
        block.position = position
        if no_more_now and block.lines:
            yield block
            block = Block()
    if block.lines:
        yield block


def _reads(file: RawFile) -> Iterator[tuple[list[tuple[int, bytes | None]], int, bool]]:
    """For each read: its lines with their numbers (None: too long), the position, whether no more is there now."""
    number = position = 0
    rest = b""
    passing_over = False
    while data := file.read(_READ_BYTES):
        position += len(data)
        *complete, rest = (rest + data).split(b"\n")
        if not number and complete:
            complete[0] = complete[0].removeprefix(_BOM)
        lines: list[tuple[int, bytes | None]] = []
        for raw in complete:
            number += 1
            lines.append((number, None if passing_over else raw.removesuffix(b"\r")))
            passing_over = False
        if len(rest) > MAX_LINE_BYTES:
            passing_over, rest = True, b""
        yield lines, position, len(data) < _READ_BYTES
    if passing_over:
        yield [(number + 1, None)], position, True
    elif rest:
        yield [(number + 1, rest if number else rest.removeprefix(_BOM))], position, True


def _detect(raw: bytes) -> Format:
    if raw.lstrip().startswith(b"{"):
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            return "text"
        return "ndjson"
    return "text"


def _ndjson(number: int, raw: bytes, key: str) -> Line:
    body = raw.strip()
    # Anything that is no plain object without a key of its own goes as it is: the API says what is wrong with it.
    if body.startswith(b"{") and b'"idempotency_key"' not in body and not body[1:].lstrip().startswith(b"}"):
        body = b'{"idempotency_key":' + json.dumps(f"{key}-{number}").encode() + b"," + body[1:]
    return Line(number, body)


def _text(number: int, raw: bytes, key: str) -> Line:
    try:
        content = raw.decode()
    except UnicodeDecodeError as exc:
        return Line(number, None, f"The line is not UTF-8: {exc.reason} at byte {exc.start}.")
    return Line(number, json.dumps({"content": content, "idempotency_key": f"{key}-{number}"}).encode())


def _too_long(number: int) -> Line:
    return Line(number, None, f"The line is longer than {MAX_LINE_BYTES} bytes.")
