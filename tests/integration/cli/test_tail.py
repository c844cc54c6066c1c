"""`postpulse tail`: every analysis once, from the beginning or from now."""

import json
import signal
from typing import Any

from postpulse import events
from postpulse.events import Analysis
from postpulse.topics import POST_ANALYSES
from tests.integration.cli.command import Cli, read_lines
from tests.pipeline import Pipeline
from tests.waiting import until


def announce(pipeline: Pipeline, count: int, **fields: Any) -> list[str]:
    """Analyses, as a worker publishes them; their ids."""
    ids = [pipeline.ids.mint() for _ in range(count)]
    for post_id in ids:
        analysis = Analysis(
            **{
                "post_id": post_id,
                "revision": 0,
                "analysis_version": 1,
                "analyzed_at": 0,
                "created_at": 0,
                "received_at": 0,
                "chunks": 1,
                "metrics": {"num_of_words": 3},
                **fields,
            }
        )
        pipeline.send_raw(POST_ANALYSES, post_id.encode(), events.encode(analysis))
    pipeline.flush()
    return ids


async def test_each_analysis_is_printed_once_those_to_come_included(pipeline: Pipeline, cli: Cli) -> None:
    there = announce(pipeline, 700)
    tail = await cli.start("tail", "--from-beginning", "--json")
    printed = [json.loads(line)["post_id"] for line in await read_lines(tail, 700)]
    assert sorted(printed) == sorted(there)
    to_come = announce(pipeline, 20)
    printed = [json.loads(line)["post_id"] for line in await read_lines(tail, 20)]
    assert sorted(printed) == sorted(to_come)
    tail.send_signal(signal.SIGINT)
    done = await cli.finish(tail)
    assert (done.code, done.out) == (130, "")


async def test_from_now_on_nothing_old_is_printed(pipeline: Pipeline, cli: Cli) -> None:
    old = announce(pipeline, 5)
    tail = await cli.start("tail", "-n", "2")
    new: list[str] = []

    def has_ended() -> bool:
        # Where it begins is known by what it prints alone: of those that are sent until it has enough.
        new.extend(announce(pipeline, 1))
        return tail.returncode is not None

    await until("two lines", has_ended)
    done = await cli.finish(tail)
    assert done.code == 0
    printed = [line.split()[1] for line in done.out.splitlines()]
    assert len(set(printed)) == 2
    assert set(printed) <= set(new)
    assert not set(printed) & set(old)


async def test_deletes_authors_garbage_and_control_characters(pipeline: Pipeline, cli: Cli) -> None:
    (mine,) = announce(pipeline, 1, author="ada")
    announce(pipeline, 1, author="grace\x1b[2J")
    pipeline.send_raw(POST_ANALYSES, b"gone", None)
    pipeline.send_raw(POST_ANALYSES, b"garbage", b"{")
    pipeline.flush()
    everything = await cli.run("tail", "--from-beginning", "-n", "3")
    assert everything.code == 0
    shown = sorted(line.partition("  ")[2] for line in everything.out.splitlines())
    assert "gone  deleted" in shown
    assert f"{mine}        3 words  ada" in shown
    assert "\x1b" not in everything.out
    of_ada = await cli.run("tail", "--from-beginning", "--author", "ada", "-n", "1", "--json")
    assert of_ada.json["post_id"] == mine
