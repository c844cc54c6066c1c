"""`postpulse load` through trouble: every good post in the log once, every bad one told."""

import asyncio
import json
import signal
from pathlib import Path

from postpulse import events
from postpulse.chaos.relay import Relay
from postpulse.embedded.ports import choose_port
from postpulse.events import Post
from postpulse.settings import Settings
from postpulse.topics import POSTS
from tests.integration.cli.command import Cli
from tests.integration.cli.conftest import Serve
from tests.pipeline import Pipeline
from tests.waiting import wait_until


def in_log(pipeline: Pipeline) -> tuple[dict[str, str], int]:
    """post_id -> content as a compacted log would keep them, and how many records there are."""
    records = pipeline.read_all(POSTS)
    posts = [events.decode(Post, value) for _, value in records if value is not None]
    return {post.post_id: post.content for post in posts}, len(records)


def lines(count: int) -> list[str]:
    return [f"Post number {number} of a file." for number in range(count)]


async def test_bad_lines_are_told_and_the_rest_is_accepted(
    pipeline: Pipeline, api: int, cli: Cli, tmp_path: Path
) -> None:
    ids, failures = tmp_path / "ids", tmp_path / "failures.ndjson"
    file = tmp_path / "posts.ndjson"
    bad = '{"content": ""}'
    file.write_text(f'{{"content": "first"}}\n\n{bad}\nno json\n{{"content": "last", "author": "ada"}}')
    done = await cli.run(
        "load",
        str(file),
        "--json",
        "--ids",
        str(ids),
        "--failures",
        str(failures),
        "--url",
        f"http://127.0.0.1:{api}",
    )
    assert done.code == 1
    assert (done.json["accepted"], done.json["refused"]) == (2, 2)
    assert "line 3: content must not be empty or blank." in done.err
    assert "line 4: The body is not JSON" in done.err
    first, *refused, last = ids.read_text().splitlines()
    assert refused == ["", ""]
    assert in_log(pipeline) == ({first: "first", last: "last"}, 2)
    told = [json.loads(line) for line in failures.read_text().splitlines()]
    assert [(failure["line"], failure["problem"]["status"]) for failure in told] == [(3, 422), (4, 400)]
    assert json.loads(told[0]["post"])["content"] == ""
    assert told[1]["post"] == "no json"


async def test_a_broker_that_is_away_is_waited_for(
    settings: Settings, pipeline: Pipeline, serve: Serve, cli: Cli
) -> None:
    port = int(settings.kafka.bootstrap_servers.rpartition(":")[2])
    door = choose_port()
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{door}"})
    texts = lines(1200)
    async with serve(settings.model_copy(update={"kafka": kafka})) as api:
        url = f"http://127.0.0.1:{api}"
        answer = await cli.run("post", "--url", url, "too early")
        assert answer.code == 1
        assert "503: Not accepted" in answer.err
        gave_up = await cli.run("load", "-", "--retry-seconds", "0", "--url", url, stdin=b"a\nb")
        assert gave_up.code == 1
        assert "0 accepted, 2 refused" in gave_up.out
        assert "line 2: Not accepted: no broker can be reached. Send it again later." in gave_up.err
        loading = asyncio.create_task(cli.run("load", "-", "--url", url, stdin="\n".join(texts).encode()))
        async with Relay(port).listening(door):
            done = await loading
    assert done.code == 0, done.err
    assert "1200 accepted, 0 refused" in done.out
    posts, records = in_log(pipeline)
    assert sorted(posts.values()) == sorted(texts)
    assert records == len(texts)


async def test_connections_cut_in_the_middle_of_answers_double_nothing(
    pipeline: Pipeline, api: int, cli: Cli, tmp_path: Path
) -> None:
    texts = lines(3000)
    ids = tmp_path / "ids"
    relay = Relay(api, cuts=[1000, 30_000, 2000, 500])
    async with relay.listening() as port:
        done = await cli.run(
            *("load", "-", "--connections", "2", "--ids", str(ids), "--url", f"http://127.0.0.1:{port}"),
            stdin="\n".join(texts).encode(),
        )
    assert relay.cuts == []
    assert done.code == 0, done.err
    posts, records = in_log(pipeline)
    assert [posts[post_id] for post_id in ids.read_text().splitlines()] == texts
    assert len(posts) == len(texts)
    # The cuts had a point: posts were sent again that had been accepted, and were the same posts.
    assert records > len(texts)


async def test_a_slow_input_is_sent_as_it_comes_and_an_interrupted_load_can_be_repeated(
    pipeline: Pipeline, api: int, cli: Cli
) -> None:
    command = ("load", "-", "--json", "--idempotency-key", "mine", "--url", f"http://127.0.0.1:{api}")
    loading = await cli.start(*command)
    assert loading.stdin is not None
    loading.stdin.write(b"one\ntwo\n")

    await asyncio.to_thread(
        wait_until, "two posts before the end of the input", lambda: len(in_log(pipeline)[0]) == 2
    )
    loading.send_signal(signal.SIGINT)
    interrupted = await cli.finish(loading)
    assert interrupted.code == 130
    assert "With --idempotency-key mine," in interrupted.err

    repeated = await cli.run(*command, stdin=b"one\ntwo\nthree\n")
    assert repeated.code == 0
    assert repeated.json["accepted"] == 3
    assert repeated.json["idempotency_key"] == "mine"
    posts, _ = in_log(pipeline)
    assert sorted(posts.values()) == ["one", "three", "two"]


async def test_an_api_that_refuses_the_whole_request_is_told_at_once(cli: Cli, api: int) -> None:
    done = await cli.run("load", "-", "--url", f"http://127.0.0.1:{api}/elsewhere", stdin=b"a\n")
    assert done.code == 1
    assert "/elsewhere/api/v1/posts/batch/ answers 404: " in done.err
