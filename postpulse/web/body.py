"""Request bodies, read and unpacked within bounds: what comes out is limited, not what goes in."""

import zlib
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from postpulse.web.problems import Problem

_ENCODINGS = ("identity", "gzip", "deflate")
_ACCEPTED = {"Accept-Encoding": "gzip, deflate"}
_STEP_BYTES = 65_536


def require_content_type(request: web.Request, *allowed: str) -> str:
    """The media type of the request, one of those allowed, in UTF-8.

    Raises:
        Problem: 415.
    """
    if (given := request.headers.get(hdrs.CONTENT_TYPE)) in allowed:
        return given
    if given is None or request.content_type not in allowed:
        wanted = " or ".join(allowed)
        raise Problem(415, f"Content-Type must be {wanted}.", field="Content-Type", allowed=list(allowed))
    charset = request.charset
    if charset is not None and charset.lower() not in ("utf-8", "utf8"):
        raise Problem(415, "The charset must be utf-8.", field="Content-Type")
    return request.content_type


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body, unpacked.

    Args:
        limit: bytes, unpacked.

    Raises:
        Problem: 413 where it is longer, 415 where it is packed in a way that is not understood, 400 where it is
            not what its Content-Encoding says.
    """
    length = request.content_length
    if length is not None:
        if length > limit:
            raise _too_large(limit)
        if hdrs.CONTENT_ENCODING not in request.headers:
            # No more comes than was declared; of a short one, all is there when its handler begins.
            content = request.content
            return content.read_nowait() if content.is_eof() else await content.read()
    pieces: list[bytes] = []
    size = 0
    async for piece in unpacked(request):
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)


async def unpacked(request: web.Request) -> AsyncIterator[bytes]:
    """The body in pieces of bounded size, as it comes.

    Raises:
        Problem: 415 or 400, as `read_body`.
    """
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if encoding not in _ENCODINGS:
        raise Problem(
            415,
            "Content-Encoding must be gzip, deflate or absent.",
            field="Content-Encoding",
            headers=_ACCEPTED,
        )
    if encoding == "identity":
        async for piece in request.content.iter_any():
            yield piece
        return
    # 31: a gzip header and trailer; 15: zlib's, which is what deflate means in HTTP.
    unpack = zlib.decompressobj(wbits=31 if encoding == "gzip" else 15)
    try:
        async for packed in request.content.iter_any():
            while packed and not unpack.eof:
                yield unpack.decompress(packed, _STEP_BYTES)
                packed = unpack.unconsumed_tail
    except zlib.error:
        raise Problem(400, f"The body is not {encoding}.", field="Content-Encoding") from None
    if not unpack.eof:
        raise Problem(400, f"The body ends before its {encoding} does.", field="Content-Encoding")


def _too_large(limit: int) -> Problem:
    return Problem(413, f"The body must be at most {limit} bytes, unpacked.", limit=limit)
