"""`postpulse replay`, before both APIs and a real worker."""

import asyncio
import signal

from tests.integration.cli.command import Cli
from tests.pipeline import Pipeline
from tests.waiting import until


async def test_one_is_started_watched_listed_and_cancelled(pipeline: Pipeline, api: int, cli: Cli) -> None:
    url = ("--url", f"http://127.0.0.1:{api}")
    posts = [pipeline.post(f"Post {n}.") for n in range(10)]
    pipeline.start_worker()
    pipeline.send(*posts)
    await until("posts", lambda: pipeline.database.posts.count_documents({"state": "analyzed"}) == 10)
    dry = await cli.run("replay", "start", "--all", "--dry-run", *url)
    assert (dry.code, dry.out) == (0, "Would cover 10 offsets.\n")

    pipeline.database.posts.update_many({}, {"$set": {"analysis_version": 1}})
    some = await cli.run("replay", "start", posts[0].post_id, "nobody", "--watch", *url)
    assert (some.code, some.err.splitlines()[0]) == (0, "nobody: there is no such post, or it is deleted.")
    assert some.out.splitlines()[1] == "Done: 1 looked at, 1 changed, 0 unchanged, 0 failed."
    every = await cli.run("replay", "start", "--until", "2100-01-01T00:00:00Z", "--watch", "--json", *url)
    assert (every.code, every.json["changed"], every.json["unchanged"]) == (0, 9, 1)

    slow = (await cli.run("replay", "start", "--all", "--rate", "0.5", "--json", *url)).json["id"]
    watching = await cli.start("replay", "watch", slow, *url)
    assert watching.stderr is not None
    async with asyncio.timeout(30):
        assert (await watching.stderr.readline()).endswith(b" ...\n")
    watching.send_signal(signal.SIGINT)
    left = await cli.finish(watching)
    assert (left.code, left.out) == (130, "")
    assert f"The replay goes on: `postpulse replay watch {slow}`" in left.err
    cancelled = await cli.run("replay", "cancel", slow, *url)
    assert (cancelled.code, cancelled.out[:10]) == (0, "Cancelled:")
    assert (await cli.run("replay", "watch", slow, *url)).code == 1
    listed = (await cli.run("replay", "list", *url)).out
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["cancelled", "done", "done"]
    shown = await cli.run("replay", "show", every.json["id"], *url)
    assert "offsets_passed" in shown.out
    over = await cli.run("replay", "cancel", every.json["id"], *url)
    assert (over.code, over.err[:11]) == (1, "Error: 409:")


async def test_a_rebuild_switches_queries_and_one_can_go_back(pipeline: Pipeline, api: int, cli: Cli) -> None:
    url = ("--url", f"http://127.0.0.1:{api}")
    pipeline.start_worker()
    pipeline.send(*(pipeline.post(f"Post {n}.") for n in range(10)))
    await until("posts", lambda: pipeline.database.posts.count_documents({"state": "analyzed"}) == 10)
    wrong = await cli.run("replay", "start", "--until", "2100-01-01T00:00:00Z", "--into", "new", *url)
    assert (wrong.code, "--into new takes all posts" in wrong.err) == (2, True)
    built = await cli.run("replay", "start", "--all", "--into", "new", "--watch", "--json", *url)
    assert (built.code, built.json["generation"], built.json["changed"]) == (0, 2, 10)
    listed = (await cli.run("generations", "list", *url)).out.splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["1", "kept"], ["2", "current"]]
    back = await cli.run("generations", "switch", "1", "--json", *url)
    assert [each["status"] for each in back.json] == ["current", "kept"]
    gone = await cli.run("generations", "drop", "2", *url)
    assert (gone.code, gone.out.splitlines()[2].split()[:2]) == (0, ["2", "dropping"])
    refused = await cli.run("generations", "drop", "1", *url)
    assert (refused.code, refused.err) == (
        1,
        "Error: 409: Generation 1 is the current one; switch queries to another one first.\n",
    )
