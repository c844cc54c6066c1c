"""Errors as RFC 9457 `application/problem+json`: what was wrong, where, and what is allowed."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 -- the field's own word
    """An answer that is an error. Raise it anywhere below a handler.

    Args:
        status: HTTP status.
        detail: a sentence for the caller: what was wrong and what is allowed.
        field: the parameter or JSON field at fault.
        headers: further response headers, such as Retry-After.
        extra: further members of the problem document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})
        self.extra = extra

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            document["field"] = self.field
        return document | self.extra

    def response(self, request_id: str | None = None) -> web.Response:
        document = self.document()
        if request_id is not None:
            document["request_id"] = request_id
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(document),
            content_type=CONTENT_TYPE,
            headers=self.headers,
        )


def unavailable(detail: str, retry_after: int = 1) -> Problem:
    """503: nothing was done; `retry_after` in seconds says when to try again."""
    return Problem(503, detail, headers={"Retry-After": str(retry_after)})
