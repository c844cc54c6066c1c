"""Dead letters: look at them, send their records back, let them go."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from postpulse.collections import Document
from postpulse.dead_letters import key_of_id
from postpulse.kafka.publisher import PublishError
from postpulse.web.application import add_route
from postpulse.web.body import read_body, require_content_type
from postpulse.web.problems import Problem, unavailable
from query_api.dead_letters.actions import Outcome
from query_api.keys import ACTIONS, DEAD_LETTERS
from query_api.queries.dead_letters import letter_view, whole_view
from query_api.routes.answers import FLEETING, answered, json_answer
from query_api.routes.dead_letters_openapi import describe_dead_letters
from query_api.routes.dead_letters_parameters import (
    MOST_BODY_BYTES,
    ActionParameters,
    LetterParameters,
    ListParameters,
    cursor_of,
)
from query_api.routes.parameters import body_parameters, query_parameters

_PATH = "/api/v1/dead-letters/"
Act = Callable[[Sequence[Document], Outcome, bool], Awaitable[None]]


def install(app: web.Application) -> None:
    add_route(app, "GET", _PATH, list_letters)
    # Before /{letter_id}/, which would take "stats" for an id.
    add_route(app, "GET", f"{_PATH}stats/", get_stats)
    add_route(app, "GET", f"{_PATH}{{letter_id}}/", get_letter)
    add_route(app, "POST", f"{_PATH}redrive/", redrive)
    add_route(app, "POST", f"{_PATH}discard/", discard)
    describe_dead_letters(app)


async def list_letters(request: web.Request) -> web.Response:
    """A page of letters, newest first."""
    given = query_parameters(dict(request.query), ListParameters)
    page = request.app[DEAD_LETTERS].page(given.filters, given.after, given.limit)
    letters, following = await answered(page)
    answer: dict[str, Any] = {"dead_letters": [letter_view(letter) for letter in letters]}
    if following is not None:
        answer["next_cursor"] = cursor_of(following)
    return json_answer(answer, headers=FLEETING)


async def get_stats(request: web.Request) -> web.Response:
    """How many there are."""
    return json_answer(await answered(request.app[DEAD_LETTERS].stats()), headers=FLEETING)


async def get_letter(request: web.Request) -> web.Response:
    """One letter with its record, or the beginning of it; 404 where there is none."""
    given = query_parameters(dict(request.query), LetterParameters)
    key = key_of_id(request.match_info["letter_id"])
    found = await answered(request.app[DEAD_LETTERS].whole([key])) if key is not None else []
    if not found:
        raise Problem(
            404, "There is no such dead letter; it may have been redriven or discarded.", headers=FLEETING
        )
    return json_answer(whole_view(found[0], given.max_value_bytes), headers=FLEETING)


async def redrive(request: web.Request) -> web.Response:
    """Send records back to where they came from."""
    return await _act(request, request.app[ACTIONS].redrive, "redriven")


async def discard(request: web.Request) -> web.Response:
    """Let letters go for good."""
    return await _act(request, request.app[ACTIONS].discard, "discarded")


async def _act(request: web.Request, act: Act, name: str) -> web.Response:
    body = await read_body(request, MOST_BODY_BYTES)
    if body:
        require_content_type(request, "application/json")
    given = body_parameters(body, ActionParameters)
    select = request.app[ACTIONS].select(given.which, given.after, given.limit)
    letters, outcome = await answered(select)
    try:
        await answered(act(letters, outcome, given.dry_run))
    except PublishError as error:
        raise unavailable(
            f"{error}: {len(outcome.done)} letters are {name}; try the others of this request again later.",
        ) from None
    answer: dict[str, Any] = {
        "dry_run": given.dry_run,
        name: outcome.done,
        "refused": msgspec.to_builtins(outcome.refused),
        "left": outcome.left,
    }
    if outcome.after is not None:
        answer["next_cursor"] = cursor_of(outcome.after)
    return json_answer(answer, headers=FLEETING)
