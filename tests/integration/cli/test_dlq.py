"""`postpulse dlq`, before both APIs and a real worker."""

from postpulse.dead_letters import letter_id
from postpulse.topics import POSTS
from tests.integration.cli.command import Cli
from tests.integration.dead_letters import letter_of, letters_in, send_letters
from tests.pipeline import Pipeline
from tests.waiting import until


async def test_letters_are_looked_at_sent_back_and_let_go(pipeline: Pipeline, api: int, cli: Cli) -> None:
    url = ("--url", f"http://127.0.0.1:{api}")
    garbage, post = pipeline.ids.mint(), pipeline.post("Now it can be read.")
    pipeline.start_worker()
    pipeline.send_raw(POSTS, garbage.encode(), b"\xff{broken\x1b[31m")
    # Its reason would color the terminal.
    (key,) = send_letters(pipeline, letter_of(pipeline, post, 10**6, reason="it \x1b[31mbroke"))
    await until("two letters", lambda: len(letters_in(pipeline)) == 2)

    stats = await cli.run("dlq", "stats", *url)
    assert (stats.code, stats.out.splitlines()[1].split()) == (0, ["all", "2"])
    listed = await cli.run("dlq", "list", "--reason", "Broke", *url)
    assert letter_id(key) in listed.out
    assert post.post_id in listed.out
    assert "\x1b" not in listed.out
    letters = (await cli.run("dlq", "list", "--post-id", garbage, "--json", *url)).json
    assert [letter["error_class"] for letter in letters] == ["UndecodableError"]
    shown = await cli.run("dlq", "show", letters[0]["id"], "--json", *url)
    assert shown.json["post_id"] == garbage
    process = await cli.start("dlq", "show", letters[0]["id"], "--value", *url)
    assert (await process.communicate())[0] == b"\xff{broken\x1b[31m"

    dry = await cli.run("dlq", "redrive", "--reason", "broke", "--dry-run", *url)
    assert (dry.code, dry.out.splitlines()) == (0, [letter_id(key), "Would be redriven: 1."])
    assert len(letters_in(pipeline)) == 2
    back = await cli.run("dlq", "redrive", letter_id(key), *url)
    assert (back.code, back.out) == (0, "Redriven: 1.\n")
    await until("the analysis", lambda: (pipeline.find(post.post_id) or {}).get("state") == "analyzed")
    again = await cli.run("dlq", "redrive", letter_id(key), *url)
    assert (again.code, again.out) == (1, "Redriven: 0, refused 1.\n")
    assert again.err.startswith(f"{letter_id(key)}: There is no such dead letter")
    gone = await cli.run("dlq", "show", letter_id(key), *url)
    assert (gone.code, gone.err[:11]) == (1, "Error: 404:")

    unasked = await cli.run("dlq", "discard", "--all", *url)
    assert (unasked.code, "give --yes" in unasked.err) == (2, True)
    assert len(letters_in(pipeline)) == 1
    done = await cli.run("dlq", "discard", "--all", "--yes", "--json", *url)
    assert (done.code, done.json["discarded"]) == (0, [letters[0]["id"]])
    assert letters_in(pipeline) == {}


async def test_more_letters_than_one_request_takes(pipeline: Pipeline, api: int, cli: Cli) -> None:
    url = ("--url", f"http://127.0.0.1:{api}")
    pipeline.start_worker()
    post = pipeline.post("x")
    send_letters(pipeline, *(letter_of(pipeline, post, n) for n in range(1, 1201)))
    await until("1,200 letters", lambda: pipeline.database.dead_letters.count_documents({}) == 1200)
    listed = await cli.run("dlq", "list", "-n", "1100", "--json", *url)
    assert len({letter["id"] for letter in listed.json}) == 1100
    done = await cli.run("dlq", "discard", "--stage", "ingest", "--yes", *url)
    assert (done.code, done.out) == (0, "Discarded: 1200.\n")
    pipeline.wait_committed(POSTS)
    assert letters_in(pipeline) == {}


async def test_what_the_api_refuses_is_told_in_its_words(api: int, cli: Cli) -> None:
    url = ("--url", f"http://127.0.0.1:{api}")
    done = await cli.run("dlq", "list", "--from", "yesterday", *url)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: 422: from must be an RFC 3339 time with an offset")
