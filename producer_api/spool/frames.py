"""Records as the bytes of a segment file, and back: checked, and found again behind what is damaged. Pure."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from postpulse.events import Headers

#: Begins every frame; its third byte is the version of the format. Payloads are UTF-8 within msgpack, in which
#: neither the first nor the last byte ever occurs: nobody can write a post in which a frame would be found.
_MAGIC = b"\xffP1\xc1"
#: The magic, the payload's length, when it was accepted (ms), and a CRC-32 of all of the frame but the magic.
_HEADER = struct.Struct(">4sIQI")
_CHECKED = struct.Struct(">IQ")


class Spooled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a record. Not its topic: that is for the settings in force when it is drained."""

    key: bytes | None
    value: bytes | None
    """None is a tombstone."""
    headers: Headers


class Piece(NamedTuple):
    """Some bytes of a segment: a frame, or what is damaged between two of them."""

    start: int
    end: int
    accepted_at: int = 0
    """Milliseconds since 1970."""
    record: Spooled | None = None
    """None where the bytes are damaged."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Spooled)


def encode(record: Spooled, accepted_at: int) -> bytes:
    """The frame of a record that was accepted at a time, in milliseconds since 1970."""
    payload = _encoder.encode(record)
    checked = _CHECKED.pack(len(payload), accepted_at)
    crc = zlib.crc32(payload, zlib.crc32(checked))
    return _MAGIC + checked + crc.to_bytes(4, "big") + payload


def pieces(data: bytes) -> Iterator[Piece]:
    """All of some bytes that begin where a frame should, in order."""
    at = 0
    while at < len(data):
        piece = _frame(data, at)
        if piece is None:
            piece = Piece(at, _next_frame(data, at + 1))
        yield piece
        at = piece.end


def is_torn(tail: bytes) -> bool:
    """Whether damaged bytes at the end of a file are what a write that was cut off leaves: the beginning of a
    frame that ends behind them, or blocks that were never filled."""
    if not tail.startswith(_MAGIC[: len(tail)]):
        return not any(tail)
    return len(tail) < _HEADER.size or len(tail) < _HEADER.size + _HEADER.unpack_from(tail)[1]


def accepted_at(frame: bytes) -> int | None:
    """When the record of a frame was accepted (ms since 1970), from its beginning alone; None if it is none."""
    if len(frame) < _HEADER.size or not frame.startswith(_MAGIC):
        return None
    return int(_HEADER.unpack_from(frame)[2])


HEADER_BYTES = _HEADER.size


def _frame(data: bytes, start: int) -> Piece | None:
    if len(data) - start < _HEADER.size:
        return None
    magic, length, accepted, crc = _HEADER.unpack_from(data, start)
    begin = start + _HEADER.size
    end = begin + length
    if magic != _MAGIC or end > len(data):
        return None
    payload = data[begin:end]
    if zlib.crc32(payload, zlib.crc32(data[start + 4 : start + 16])) != crc:
        return None
    try:
        return Piece(start, end, accepted, _decoder.decode(payload))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _next_frame(data: bytes, start: int) -> int:
    while (start := data.find(_MAGIC, start)) >= 0:
        if _frame(data, start) is not None:
            return start
        start += 1
    return len(data)
