"""`postpulse dlq`: dead letters, looked at, sent back, let go."""

import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import click

from postpulse.cli.ask import ask, json_body
from postpulse.cli.reach import answer_options, api_address
from postpulse.cli.tables import cell, print_json, print_table

_F = TypeVar("_F", bound=Callable[..., Any])
Document = dict[str, Any]
#: What the API takes in one request.
_MOST = 1000
_FILTERS = (
    ("--stage", "stage", "The agent that gave up: ingest, analyze, merge or replay."),
    ("--reason", "reason", "A part of the reason, in any case of letters."),
    ("--error-class", "error_class", "The error's class, such as UndecodableError."),
    ("--post-id", "post_id", "Whose they are."),
    ("--topic", "topic", "Where the records stood, such as posts.v1."),
    ("--from", "from", "Dead since: RFC 3339, such as 2026-01-31T12:00:00Z."),
    ("--until", "until", "Dead before: RFC 3339."),
)


def _filter_options(function: _F) -> _F:
    for option, name, text in reversed(_FILTERS):
        function = click.option(option, f"filter_{name}", help=text)(function)
    return function


def _selection_options(function: _F) -> _F:
    ids = click.argument("ids", nargs=-1, metavar="[ID]...")
    every = click.option("--all", "every", is_flag=True, help="All there are.")
    dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
    return ids(_filter_options(every(dry_run(function))))


@click.group("dlq")
def command() -> None:
    """Look at dead letters, send their records back (redrive), or let them go (discard).

    A dead letter is a record that could not be processed, whole, with the reason. Asks the query API.

    \b
    Exit codes:
      0  done
      1  some are refused or not there, or no API answers
      2  wrong usage or settings

    \b
    Examples:
      postpulse dlq stats
      postpulse dlq list --stage ingest
      postpulse dlq redrive --all --dry-run
    """


@command.command("list")
@_filter_options
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="At most so many, the newest.",
)
@answer_options
def list_(limit: int, as_json: bool, url: str | None, data_dir: Path | None, **filters: str | None) -> None:
    """List dead letters, newest first.

    \b
    Examples:
      postpulse dlq list
      postpulse dlq list --reason "not a Post" --from 2026-01-31T00:00:00Z
      postpulse dlq list --post-id 06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F
      postpulse dlq list -n 1000 --json | jq -r '.[].id'
    """
    letters = list(_letters(_address(url, data_dir), _given(filters), limit))
    if as_json:
        print_json(letters)
        return
    print_table(
        ("Id", "Dead at", "Stage", "#Attempt", "#Bytes", "Post", "Reason"),
        [
            (
                letter["id"],
                letter["dead_at"],
                letter["stage"],
                letter["attempt"],
                letter["value_bytes"],
                letter["post_id"],
                _safe(letter["reason"]),
            )
            for letter in letters
        ],
    )


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--value", "only_value", is_flag=True, help="Print the record's value alone, byte for byte.")
@answer_options
def show(id_: str, only_value: bool, as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Show one dead letter: why, what failed before, and the record itself.

    \b
    Examples:
      postpulse dlq show posts.v1-3-1042
      postpulse dlq show posts.v1-3-1042 --json
      postpulse dlq show posts.v1-3-1042 --value > record.json
    """
    _, letter = ask(f"{_address(url, data_dir)}{quote(id_, safe='')}/")
    if only_value:
        value = letter["value"] or {"text": ""}
        raw = value["text"].encode() if "text" in value else base64.b64decode(value["base64"])
        click.get_binary_stream("stdout").write(raw)
    elif as_json:
        print_json(letter)
    else:
        print_table(("", ""), [(name, _safe(cell(value))) for name, value in letter.items()])


@command.command()
@answer_options
def stats(as_json: bool, url: str | None, data_dir: Path | None) -> None:
    """Count dead letters by stage and by error class.

    \b
    Examples:
      postpulse dlq stats
      postpulse dlq stats --json | jq .letters
    """
    _, found = ask(f"{_address(url, data_dir)}stats/")
    if as_json:
        print_json(found)
        return
    counts = [("all", "", found["letters"])]
    counts += [("stage", name, number) for name, number in found["stages"].items()]
    counts += [("error class", name, number) for name, number in found["error_classes"].items()]
    print_table(("By", "", "#Letters"), [(by, _safe(name), number) for by, name, number in counts])
    if found["letters"]:
        click.echo(f"From {found['oldest']} to {found['newest']}.")


@command.command()
@_selection_options
@answer_options
def redrive(
    ids: tuple[str, ...],
    every: bool,
    dry_run: bool,
    as_json: bool,
    url: str | None,
    data_dir: Path | None,
    **filters: str | None,
) -> None:
    """Send records back to the topics that they came from, as they were.

    A record that fails again makes a new dead letter, which keeps the history. One whose post was replaced or
    deleted since is refused: it would bring the old content back.

    \b
    Exit codes:
      0  all went back, or with --dry-run would
      1  some are refused, or no API answers
      2  wrong usage or settings

    \b
    Examples:
      postpulse dlq redrive posts.v1-3-1042
      postpulse dlq redrive --stage merge --until 2026-02-01T00:00:00Z --dry-run
      postpulse dlq redrive --all
    """
    address, which = _address(url, data_dir), _which(ids, every, _given(filters))
    _report(_act(address, "redrive", which, dry_run), "redriven", "Redriven", dry_run, as_json)


@command.command()
@_selection_options
@click.option("--yes", "-y", is_flag=True, help="Do not ask first.")
@answer_options
def discard(
    ids: tuple[str, ...],
    every: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    url: str | None,
    data_dir: Path | None,
    **filters: str | None,
) -> None:
    """Let dead letters go for good: their records are gone, here and, once compacted, from the topic.

    \b
    Exit codes:
      0    all are gone, or with --dry-run would be
      1    some are not there, or no API answers
      2    wrong usage or settings
      130  the question was not answered with yes

    \b
    Examples:
      postpulse dlq discard posts.v1-3-1042
      postpulse dlq discard --until 2026-01-01T00:00:00Z --dry-run
      postpulse dlq discard --error-class UndecodableError --yes
    """
    which = _which(ids, every, _given(filters))
    if not (dry_run or yes) and not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here: give --yes.")
    address = _address(url, data_dir)
    if not (dry_run or yes):
        _, would = ask(f"{address}discard/", *json_body({**which[0], "dry_run": True}))
        number = len(would["discarded"]) + would["left"] + sum(len(more["ids"]) for more in which[1:])
        click.confirm(f"Discard {number} dead letters for good?", abort=True, err=True)
    _report(_act(address, "discard", which, dry_run), "discarded", "Discarded", dry_run, as_json)


def _address(url: str | None, data_dir: Path | None) -> str:
    return f"{api_address(url, data_dir)}/api/v1/dead-letters/"


def _given(filters: dict[str, str | None]) -> Document:
    return {name.removeprefix("filter_"): value for name, value in filters.items() if value is not None}


def _which(ids: tuple[str, ...], every: bool, filters: Document) -> list[Document]:
    """The bodies of the requests that select these letters."""
    if (bool(ids), every, bool(filters)).count(True) != 1:
        raise click.UsageError("Say which letters: their ids, or filters, or --all; one of the three.")
    if ids:
        return [{"ids": list(ids[at : at + _MOST])} for at in range(0, len(ids), _MOST)]
    return [{"all": True} if every else filters]


def _letters(address: str, filters: Document, limit: int) -> Iterator[Document]:
    parameters: Document = dict(filters)
    while limit > 0:
        _, page = ask(f"{address}?{urlencode({**parameters, 'limit': min(limit, _MOST)})}")
        yield from page["dead_letters"]
        limit -= len(page["dead_letters"])
        if "next_cursor" not in page:
            return
        parameters["cursor"] = page["next_cursor"]


def _act(address: str, action: str, which: list[Document], dry_run: bool) -> Iterator[Document]:
    """The answers of as many requests as it takes."""
    for selection in which:
        body: Document = {**selection, "dry_run": dry_run}
        while True:
            _, answer = ask(f"{address}{action}/", *json_body(body))
            yield answer
            if "next_cursor" not in answer:
                break
            body["cursor"] = answer["next_cursor"]


def _report(answers: Iterator[Document], name: str, said: str, dry_run: bool, as_json: bool) -> None:
    done: list[str] = []
    refused: list[Document] = []
    try:
        for answer in answers:
            done += answer[name]
            refused += answer["refused"]
    except click.ClickException as exc:
        if done:
            raise click.ClickException(f"{exc.message} ({said} before that: {len(done)}.)") from None
        raise
    if as_json:
        print_json({"dry_run": dry_run, name: done, "refused": refused})
    else:
        for refusal in refused:
            click.echo(f"{refusal['id']}: {_safe(refusal['detail'])}", err=True)
        if dry_run:
            for id_ in done:
                click.echo(id_)
        refusals = f", refused {len(refused)}" if refused else ""
        click.echo(f"{'Would be ' + name if dry_run else said}: {len(done)}{refusals}.")
    sys.exit(1 if refused else 0)


def _safe(text: object) -> object:
    """What is in a record must not steer the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text) if isinstance(text, str) else text
