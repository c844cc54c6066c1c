"""`postpulse replay`: look at parts of the log again, in place."""

import re
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from postpulse.cli.ask import ask, json_body
from postpulse.cli.reach import answer_options, api_address
from postpulse.cli.replay_bar import bar
from postpulse.cli.tables import cell, print_json, print_table

Document = dict[str, Any]
_OFFSETS = re.compile(r"(?P<partition>\d{1,9}):(?P<first>\d{1,18})-(?P<end>\d{1,18})")
_LOOK_SECONDS = 0.3
#: What the API lists in one request.
_MOST = 1000


@click.group("replay")
def command() -> None:
    """Look at posts in the log again: what a newer version of the analysis finds, or what is missing, is
    corrected in place, counters by the difference, or all of it is built anew. Deleted posts stay deleted.
    Asks the query API.

    One replay runs at a time, slowly enough that live posts are not kept waiting; others wait for it.

    \b
    Exit codes:
      0    done
      1    it failed or was cancelled, there is none, or no API answers
      2    wrong usage or settings
      130  interrupted; the replay goes on

    \b
    Examples:
      postpulse replay start --all --watch
      postpulse replay list
    """


@command.command()
@click.argument("post_ids", nargs=-1, metavar="[POST_ID]...")
@click.option("--all", "every", is_flag=True, help="All posts.")
@click.option("--from", "since", metavar="TIME", help="Posts received since: RFC 3339, 2026-01-31T12:00:00Z.")
@click.option("--until", metavar="TIME", help="Posts received before: RFC 3339.")
@click.option(
    "--offsets",
    multiple=True,
    metavar="PARTITION:FROM-UNTIL",
    help="Offsets of one partition of posts.v1, the last one left out; several times for several partitions.",
)
@click.option(
    "--into",
    type=click.Choice(["new"]),
    help="With --all: build a new generation of all collections, and switch queries to it.",
)
@click.option("--rate", type=click.FloatRange(0.1, 1_000_000), metavar="N", help="Records a second, at most.")
@click.option("--dry-run", is_flag=True, help="Say how much it would cover, do nothing.")
@click.option("--watch", "watching", is_flag=True, help="Show how far it is until it is over.")
@answer_options
def start(
    post_ids: tuple[str, ...],
    every: bool,
    since: str | None,
    until: str | None,
    offsets: tuple[str, ...],
    into: str | None,
    rate: float | None,
    dry_run: bool,
    watching: bool,
    as_json: bool,
    url: str | None,
    data_dir: Path | None,
) -> None:
    """Start a replay of all posts, of a time, of offsets, or of single posts.

    \b
    Examples:
      postpulse replay start --all --watch
      postpulse replay start --all --into new --watch
      postpulse replay start --from 2026-01-31T00:00:00Z --until 2026-02-01T00:00:00Z --rate 200
      postpulse replay start --offsets 0:1000-2000 --offsets 3:0-500 --dry-run
      postpulse replay start 06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F
    """
    if (bool(post_ids), every, bool(since or until), bool(offsets)).count(True) != 1:
        raise click.UsageError("Say which posts: ids, --all, --from and --until, or --offsets; one of them.")
    if into and not every:
        raise click.UsageError("--into new takes all posts: --all.")
    given: Document = {
        "all": every or None,
        "from": since,
        "until": until,
        "post_ids": list(post_ids) or None,
    }
    given |= {"offsets": _spans(offsets) or None, "into": into, "rate": rate, "dry_run": dry_run or None}
    address = _address(url, data_dir)
    body = {name: value for name, value in given.items() if value is not None}
    _, answer = ask(address, *json_body(body))
    for post_id in answer.get("not_found", ()):
        click.echo(f"{post_id}: there is no such post, or it is deleted.", err=True)
    if dry_run:
        if as_json:
            print_json(answer)
        else:
            click.echo(f"Would cover {answer['offsets']} offsets.")
    elif watching:
        if not as_json:
            click.echo(f"Replay {answer['id']} of {answer['offsets']} offsets.")
        _watch(address, answer["id"], as_json)
    elif as_json:
        print_json(answer)
    else:
        click.echo(
            f"Replay {answer['id']} of {answer['offsets']} offsets; `postpulse replay watch {answer['id']}`."
        )


@command.command("list")
@click.option(
    "--limit", "-n", type=click.IntRange(1, _MOST), default=20, show_default=True, help="At most so many."
)
@answer_options
def list_(limit: int, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """List replays, newest first.

    \b
    Examples:
      postpulse replay list
      postpulse replay list -n 1 --json
    """
    _, page = ask(f"{_address(url, data_dir)}?{urlencode({'limit': limit})}")
    if as_json:
        print_json(page["replays"])
        return
    print_table(
        ("Id", "State", "Created at", "#Offsets", "#Passed", "#Changed", "#Failed"),
        [
            [
                replay[name]
                for name in ("id", "state", "created_at", "offsets", "offsets_passed", "changed", "failed")
            ]
            for replay in page["replays"]
        ],
    )


@command.command()
@click.argument("id_", metavar="ID")
@answer_options
def show(id_: str, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Show one replay.

    \b
    Examples:
      postpulse replay show 0199f0c2a3b-3a15f1e
    """
    _, replay = ask(_of(_address(url, data_dir), id_))
    if as_json:
        print_json(replay)
    else:
        print_table(("", ""), [(name, cell(value)) for name, value in replay.items()])


@command.command()
@click.argument("id_", metavar="ID")
@answer_options
def watch(id_: str, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Show how far a replay is, with its rate and the time that is left, until it is over.

    Ctrl-C ends the watching, not the replay.

    \b
    Examples:
      postpulse replay watch 0199f0c2a3b-3a15f1e
    """
    _watch(_address(url, data_dir), id_, as_json)


@command.command()
@click.argument("id_", metavar="ID")
@answer_options
def cancel(id_: str, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Cancel a replay; what it has corrected stays so.

    \b
    Examples:
      postpulse replay cancel 0199f0c2a3b-3a15f1e
    """
    _, replay = ask(_of(_address(url, data_dir), id_), method="DELETE")
    if as_json:
        print_json(replay)
    else:
        click.echo(_summary(replay))


def _watch(address: str, replay_id: str, as_json: bool) -> None:
    try:
        with bar() as show_progress:
            while True:
                _, replay = ask(_of(address, replay_id))
                if replay["ended_at"] is not None:
                    break
                show_progress(replay)
                time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        click.echo(
            f"The replay goes on: `postpulse replay watch {replay_id}` shows it, "
            f"`postpulse replay cancel {replay_id}` ends it.",
            err=True,
        )
        sys.exit(130)
    if as_json:
        print_json(replay)
    else:
        click.echo(_summary(replay))
    sys.exit(0 if replay["state"] == "done" else 1)


def _summary(replay: Document) -> str:
    counts = ", ".join(f"{replay[name]} {name}" for name in ("changed", "unchanged", "failed"))
    why = f": {replay['reason']}" if "reason" in replay else ""
    return f"{replay['state'].capitalize()}{why}: {replay['looked_at']} looked at, {counts}."


def _spans(offsets: tuple[str, ...]) -> dict[str, list[int]]:
    spans: dict[str, list[int]] = {}
    for text in offsets:
        found = _OFFSETS.fullmatch(text)
        if found is None or int(found["first"]) >= int(found["end"]):
            raise click.UsageError(
                f"--offsets must be PARTITION:FROM-UNTIL, such as 0:1000-2000, not {text}."
            )
        partition = str(int(found["partition"]))
        if partition in spans:
            raise click.UsageError(f"--offsets names partition {partition} twice.")
        spans[partition] = [int(found["first"]), int(found["end"])]
    return spans


def _address(url: str | None, data_dir: Path | None) -> str:
    return f"{api_address(url, data_dir)}/api/v1/replays/"


def _of(address: str, replay_id: str) -> str:
    return f"{address}{quote(replay_id, safe='')}/"
