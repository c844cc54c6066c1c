"""What OpenAPI says of answers that clients may have already, and of those that are kept for a while."""

from typing import Any

IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags of answers that the caller has: 304 where it still is one of them.",
    "schema": {"type": "string"},
    "example": 'W/"06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F-1042-2"',
}
TAGGED: dict[str, Any] = {
    "ETag": {
        "description": "Weak: the same answer may come with gzip.",
        "required": True,
        "schema": {"type": "string"},
        "example": 'W/"06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F-1042-2"',
    },
    "Cache-Control": {"required": True, "schema": {"type": "string"}, "example": "private, no-cache"},
}
KEPT: dict[str, Any] = {
    **TAGGED,
    "Cache-Status": {
        "description": "RFC 9211: made for this request, kept, or kept and stale as the database is away.",
        "required": True,
        "schema": {"enum": ["postpulse; fwd=miss", "postpulse; hit", "postpulse; hit; detail=stale"]},
    },
    "Age": {
        "description": "Seconds since it was made, where it was kept.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 3,
    },
}


def not_modified(headers: dict[str, Any]) -> dict[str, Any]:
    """304, with the headers that 200 would have."""
    return {"description": "It is as If-None-Match says.", "headers": headers}
