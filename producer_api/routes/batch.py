"""`POST /api/v1/posts/batch/`: many posts, each with a result of its own; some failing never fails the rest."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from postpulse.events import Post
from postpulse.web.application import SETTINGS, add_route
from postpulse.web.body import read_body, require_content_type, unpacked
from postpulse.web.problems import Problem
from producer_api.keys import ACCEPTANCE, INTAKE
from producer_api.routes.batch_openapi import JSON, NDJSON, describe_batch

#: Posts that are sent, and answered, together; of a stream, what is in memory at once.
_GROUP_POSTS = 500
_GROUP_BYTES = 1_048_576

Result = dict[str, Any]
_items_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def install(app: web.Application) -> None:
    add_route(app, "POST", "/api/v1/posts/batch/", create)
    describe_batch(app)


async def create(request: web.Request) -> web.StreamResponse:
    """Accept a JSON array (one answer) or a stream of NDJSON (a line of answer for each line)."""
    if require_content_type(request, JSON, NDJSON) == JSON:
        return await _array(request)
    return await _stream(request)


async def _array(request: web.Request) -> web.Response:
    limits = request.app[SETTINGS].intake
    body = await read_body(request, limits.max_batch_bytes)
    try:
        items = _items_decoder.decode(body)
    except msgspec.ValidationError:
        raise Problem(422, "The body must be a JSON array of posts.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Problem(400, f"The body is not JSON: {exc}.") from None
    if len(items) > limits.max_batch_items:
        raise Problem(
            413,
            f"A batch must be at most {limits.max_batch_items} posts; send more as {NDJSON}.",
            limit=limits.max_batch_items,
        )
    results: list[Result] = []
    for start in range(0, len(items), _GROUP_POSTS):
        group = [bytes(item) for item in items[start : start + _GROUP_POSTS]]
        results.extend(await _accept(request, group, start))
    accepted = sum(result["status"] == 202 for result in results)
    document = {"accepted": accepted, "refused": len(results) - accepted, "results": results}
    return web.Response(body=msgspec.json.encode(document), content_type=JSON)


async def _stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    index = 0
    try:
        async for lines in _groups(request):
            results = await _accept(request, lines, index)
            index += len(lines)
            if not response.prepared:
                await response.prepare(request)
            await response.write(b"".join(msgspec.json.encode(result) + b"\n" for result in results))
    except Problem as problem:
        # Lines before this one have their results; the stream itself is broken from here on.
        if not response.prepared:
            raise
        last = {"index": index, "status": problem.status, "problem": problem.document()}
        await response.write(msgspec.json.encode(last) + b"\n")
    if not response.prepared:
        await response.prepare(request)
    await response.write_eof()
    return response


async def _groups(request: web.Request) -> AsyncIterator[list[bytes]]:
    """The lines of a stream, some at a time; blank ones are left out."""
    limit = request.app[INTAKE].max_body_bytes
    rest = b""
    lines: list[bytes] = []
    size = 0
    async for piece in unpacked(request):
        *complete, rest = (rest + piece).split(b"\n") if b"\n" in piece else (rest + piece,)
        for line in complete:
            if line.strip():
                lines.append(line)
                size += len(line)
        if len(rest) > limit:
            if lines:
                yield lines
            raise Problem(413, f"A line must be at most {limit} bytes.", limit=limit)
        if len(lines) >= _GROUP_POSTS or size >= _GROUP_BYTES:
            yield lines
            lines, size = [], 0
    if rest.strip():
        lines.append(rest)
    if lines:
        yield lines


async def _accept(request: web.Request, items: list[bytes], start: int) -> list[Result]:
    """Results of items in input order."""
    intake = request.app[INTAKE]
    results: list[Result] = []
    posts: list[Post] = []
    places: list[int] = []
    for place, item in enumerate(items):
        index = start + place
        try:
            if len(item) > intake.max_body_bytes:
                raise Problem(413, f"A post must be at most {intake.max_body_bytes} bytes of JSON.")
            post = intake.post(item)
        except Problem as problem:
            results.append(_refused(index, problem))
        else:
            results.append({"index": index, "status": 202, "post_id": post.post_id})
            posts.append(post)
            places.append(place)
    outcomes = await request.app[ACCEPTANCE].accept_all(posts, request.headers.get("traceparent"))
    for place, outcome in zip(places, outcomes, strict=True):
        if outcome is not None:
            results[place] = _refused(start + place, outcome)
    return results


def _refused(index: int, problem: Problem) -> Result:
    return {"index": index, "status": problem.status, "problem": problem.document()}
