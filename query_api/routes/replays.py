"""Replays: ask for one, watch it, cancel it."""

from typing import Any

import structlog
from aiohttp import web
from confluent_kafka import KafkaException

from postpulse.collections import Document
from postpulse.kafka.spans import UnknownPartitionError
from postpulse.replays import new_replay, offsets_of
from postpulse.web.application import add_route
from postpulse.web.body import read_body, require_content_type
from postpulse.web.problems import Problem, unavailable
from query_api.keys import COVERAGE, REPLAYS
from query_api.queries.replays import replay_view
from query_api.routes.answers import FLEETING, answered, json_answer
from query_api.routes.parameters import body_parameters, query_parameters
from query_api.routes.replays_openapi import describe_replays
from query_api.routes.replays_parameters import MOST_BODY_BYTES, ListParameters, StartParameters

log = structlog.get_logger(__name__)

_PATH = "/api/v1/replays/"


def install(app: web.Application) -> None:
    add_route(app, "POST", _PATH, start)
    add_route(app, "GET", _PATH, list_replays)
    add_route(app, "GET", f"{_PATH}{{replay_id}}/", get_replay)
    add_route(app, "DELETE", f"{_PATH}{{replay_id}}/", cancel)
    describe_replays(app)


async def start(request: web.Request) -> web.Response:
    """Ask for a replay; it waits for those before it."""
    body = await read_body(request, MOST_BODY_BYTES)
    if body:
        require_content_type(request, "application/json")
    given = body_parameters(body, StartParameters)
    selection, places = given.selection, None
    missing: list[str] = []
    if given.post_ids is not None:
        ids = list(dict.fromkeys(given.post_ids))
        places, missing = await answered(request.app[REPLAYS].places(ids))
    replay = new_replay(selection, given.rate, places, rebuild=given.into is not None)
    spans = await _covered(request, replay)
    offsets, _ = offsets_of({**replay, "spans": spans})
    more: dict[str, Any] = {"not_found": missing} if given.post_ids is not None else {}
    if given.dry_run:
        return json_answer({"dry_run": True, "offsets": offsets, **more}, headers=FLEETING)
    await answered(request.app[REPLAYS].add(replay))
    log.info("replay asked for", replay=replay["_id"], offsets=offsets)
    view = {**replay_view(replay, {}), "offsets": offsets, **more}
    return json_answer(view, 201, {**FLEETING, "Location": f"{_PATH}{replay['_id']}/"})


async def list_replays(request: web.Request) -> web.Response:
    """A page of replays, newest first."""
    given = query_parameters(dict(request.query), ListParameters)
    views, following = await answered(request.app[REPLAYS].page(given.cursor, given.limit))
    answer: dict[str, Any] = {"replays": views}
    if following is not None:
        answer["next_cursor"] = following
    return json_answer(answer, headers=FLEETING)


async def get_replay(request: web.Request) -> web.Response:
    """One replay, with how far it is."""
    return json_answer(_found(await answered(_one(request))), headers=FLEETING)


async def cancel(request: web.Request) -> web.Response:
    """Cancel a replay; once more changes nothing."""
    view = _found(await answered(request.app[REPLAYS].cancel(request.match_info["replay_id"])))
    if view["state"] != "cancelled":
        raise Problem(
            409, f"The replay is over ({view['state']}): there is nothing to cancel.", state=view["state"]
        )
    return json_answer(view, headers=FLEETING)


async def _one(request: web.Request) -> Document | None:
    return await request.app[REPLAYS].one(request.match_info["replay_id"])


def _found(view: Document | None) -> Document:
    if view is None:
        raise Problem(404, "There is no such replay.", headers=FLEETING)
    return view


async def _covered(request: web.Request, replay: Document) -> list[Document]:
    try:
        return await request.app[COVERAGE].of(replay)
    except UnknownPartitionError as exc:
        raise Problem(422, f"offsets is not allowed: {exc}.", field="offsets") from None
    except KafkaException as exc:
        log.warning("the brokers did not say what a replay covers", reason=str(exc))
        raise unavailable("The brokers cannot be reached; ask again later.", retry_after=2) from None
