"""Generations of the collections: look at them, compare them, switch queries to one, let one go."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from postpulse.collections import Document
from postpulse.generations.changes import GenerationRefusedError, UnknownGenerationError
from postpulse.web.application import add_route
from postpulse.web.body import read_body, require_content_type
from postpulse.web.problems import Problem
from query_api.keys import GENERATIONS
from query_api.routes.answers import FLEETING, answered, json_answer
from query_api.routes.generations_openapi import describe_generations
from query_api.routes.parameters import body_parameters, query_parameters

_PATH = "/api/v1/generations/"
_MOST_BODY_BYTES = 1024
_T = TypeVar("_T")


class SwitchParameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    force: bool = False


class _Path(msgspec.Struct):
    number: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


def install(app: web.Application) -> None:
    add_route(app, "GET", _PATH, list_generations)
    add_route(app, "GET", f"{_PATH}{{number}}/comparison/", compare)
    add_route(app, "POST", f"{_PATH}{{number}}/switch/", switch)
    add_route(app, "DELETE", f"{_PATH}{{number}}/", drop)
    describe_generations(app)


async def list_generations(request: web.Request) -> web.Response:
    """All there are."""
    return _answer(await answered(request.app[GENERATIONS].all()))


async def compare(request: web.Request) -> web.Response:
    """What this one holds beside the current one."""
    compared = _allowed(request.app[GENERATIONS].compared(_number(request)))
    return json_answer(await compared, headers=FLEETING)


async def switch(request: web.Request) -> web.Response:
    """Answer queries from this one, from now on."""
    body = await read_body(request, _MOST_BODY_BYTES)
    if body:
        require_content_type(request, "application/json")
    force = body_parameters(body, SwitchParameters).force
    return _answer(await _allowed(request.app[GENERATIONS].switch(_number(request), force)))


async def drop(request: web.Request) -> web.Response:
    """Let one go; a worker drops it in a moment. Once more changes nothing."""
    return _answer(await _allowed(request.app[GENERATIONS].drop(_number(request))))


async def _allowed(asked: Awaitable[_T]) -> _T:
    try:
        return await answered(asked)
    except UnknownGenerationError as exc:
        raise Problem(404, str(exc), headers=FLEETING) from None
    except GenerationRefusedError as exc:
        raise Problem(409, str(exc), differences=[str(each) for each in exc.differences]) from None


def _number(request: web.Request) -> int:
    return query_parameters(dict(request.match_info), _Path).number


def _answer(views: list[Document]) -> web.Response:
    return json_answer({"generations": views}, headers=FLEETING)
