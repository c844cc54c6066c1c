"""What the handlers answer with."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web
from pymongo.errors import PyMongoError

from postpulse.web.problems import Problem, unavailable
from query_api.queries.in_time import OutOfTimeError

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
#: For what may be another answer the next time, also where caches keep an answer unasked, as with 404.
FLEETING = {"Cache-Control": "no-store"}


async def answered(question: Awaitable[_T]) -> _T:
    """What MongoDB says.

    Raises:
        Problem: 503; it did not answer, or takes too long.
    """
    try:
        return await question
    except OutOfTimeError as exc:
        detail = f"{exc}: ask for a shorter time, by from and until, or again later."
        raise unavailable(detail, retry_after=10) from None
    except PyMongoError as exc:
        raise database_away(exc) from None


def database_away(error: PyMongoError) -> Problem:
    """The 503 that says so."""
    log.warning("mongo did not answer", reason=str(error).partition(", Timeout:")[0])
    return unavailable("The database cannot be reached; ask again later.", retry_after=2)


def json_answer(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        content_type="application/json",
        headers=headers,
    )
