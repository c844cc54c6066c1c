"""`postpulse topics`: the topics as declared, and as they are on the brokers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from postpulse.cli.reach import data_dir_option, reach
from postpulse.cli.tables import print_json, print_table
from postpulse.settings import Settings
from postpulse.topics import TOPICS, Topic, topic_name

if TYPE_CHECKING:
    from postpulse.kafka.admin import Change
    from postpulse.kafka.lag import GroupState, PartitionState


def _json_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


@click.group("topics")
def command() -> None:
    """List, create and describe the topics.

    \b
    Exit codes:
      0  done
      1  no broker answers, or one refuses; `apply --dry-run`: something differs
      2  wrong usage or settings

    \b
    Examples:
      postpulse topics list
      postpulse topics apply --dry-run
      postpulse topics describe posts.v1
    """


@command.command("list")
@_json_option("the topics")
@data_dir_option
def list_(as_json: bool, data_dir: Path | None) -> None:
    """List the topics as they are declared; asks no broker.

    \b
    Examples:
      postpulse topics list
      postpulse topics list --json | jq -r '.[].name'
    """
    settings = reach(data_dir)
    declared = [_declared(topic, settings) for topic in TOPICS]
    if as_json:
        print_json(declared)
        return
    print_table(
        ("Topic", "#Partitions", "Cleanup", "Kept", "Key", "Schema", "What it carries"),
        [
            (t["name"], t["partitions"], t["cleanup"], _kept(t), t["key"], t["schema"], t["description"])
            for t in declared
        ],
    )


@command.command()
@click.option("--dry-run", is_flag=True, help="Only print what differs; exit code 1 if anything does.")
@_json_option("the differences")
@data_dir_option
def apply(dry_run: bool, as_json: bool, data_dir: Path | None) -> None:
    """Create the topics that are missing, set what is configured differently, print each difference.

    Safe to repeat, and to run in several places at once. The number of partitions and of replicas of a topic that
    is there is never changed, only told: that moves keys or data, and is for an operator to decide.

    \b
    Exit codes:
      0  all is as declared, or was made so; differences that are only told are printed
      1  no broker answers, or one refuses; with --dry-run: something differs
      2  wrong usage or settings

    \b
    Examples:
      postpulse topics apply
      postpulse topics apply --dry-run || echo "the topics differ"
    """
    from postpulse.kafka.admin import apply_topics, plan_topics

    settings = reach(data_dir)
    with _broker_errors():
        changes = plan_topics(settings.kafka) if dry_run else apply_topics(settings.kafka)
    if as_json:
        print_json([{**asdict(change), "applied": change.applied and not dry_run} for change in changes])
    else:
        for change in changes:
            click.echo(_sentence(change, dry_run))
        if not changes:
            click.echo(f"Nothing to do: {len(TOPICS)} topics are as declared.")
    sys.exit(1 if dry_run and changes else 0)


@command.command()
@click.argument("name", required=False)
@_json_option("everything")
@data_dir_option
def describe(name: str | None, as_json: bool, data_dir: Path | None) -> None:
    """Show partitions, offsets and configuration of the topics, and how far the workers lag behind.

    NAME is a topic as `postpulse topics list` names it; all of them otherwise. Lag counts offsets, of which a
    compacted topic has some without a record; `-` stands at topics that the workers do not read.

    \b
    Examples:
      postpulse topics describe
      postpulse topics describe posts.v1
      postpulse topics describe --json | jq '[.topics[].partitions[].lag // 0] | add'
    """
    from postpulse.kafka.admin import read_config
    from postpulse.kafka.lag import describe_group, describe_partitions

    settings = reach(data_dir)
    wanted = _wanted(name, settings)
    with _broker_errors():
        partitions = describe_partitions(settings, wanted)
        config = read_config(settings.kafka, wanted)
        group = describe_group(settings)
    described = [_described(topic, settings, partitions, config) for topic in wanted]
    if as_json:
        print_json({"group": asdict(group), "topics": described})
    else:
        _print_described(described, group)
    if not all(topic["exists"] for topic in described):
        raise click.ClickException("Some topics are missing; `postpulse topics apply` creates them.")


def _wanted(name: str | None, settings: Settings) -> tuple[Topic, ...]:
    if name is None:
        return TOPICS
    wanted = tuple(topic for topic in TOPICS if name in (topic.name, topic_name(topic, settings.kafka)))
    if not wanted:
        allowed = ", ".join(topic.name for topic in TOPICS)
        raise click.UsageError(f"There is no topic {name!r}; the topics are {allowed}.")
    return wanted


def _declared(topic: Topic, settings: Settings) -> dict[str, Any]:
    return {
        "name": topic_name(topic, settings.kafka),
        "partitions": settings.kafka.partitions,
        "replication_factor": settings.kafka.replication_factor,
        "key": topic.key,
        "schema": topic.schema,
        "cleanup": topic.cleanup,
        "retention_ms": topic.retention_ms,
        "max_message_bytes": topic.max_message_bytes,
        "description": topic.description,
    }


def _described(
    topic: Topic,
    settings: Settings,
    partitions: "list[PartitionState]",
    config: dict[str, dict[str, str]],
) -> dict[str, Any]:
    name = topic_name(topic, settings.kafka)
    own = [asdict(partition) for partition in partitions if partition.topic == name]
    return {
        "name": name,
        "exists": bool(own),
        "description": topic.description,
        "config": config.get(name, {}),
        "lag": sum(p["lag"] for p in own) if own and own[0]["lag"] is not None else None,
        "partitions": own,
    }


def _print_described(described: list[dict[str, Any]], group: "GroupState") -> None:
    click.echo(f"Workers' group {group.name}: {group.state}, {group.members} members")
    for topic in described:
        click.echo()
        if not topic["exists"]:
            click.echo(f"{topic['name']}: does not exist")
            continue
        print_table(
            ("#Partition", "#Leader", "In sync", "#Low", "#High", "#Committed", "#Lag"),
            [
                (
                    p["partition"],
                    p["leader"],
                    f"{p['in_sync']}/{p['replicas']}",
                    p["low"],
                    p["high"],
                    p["committed"],
                    p["lag"],
                )
                for p in topic["partitions"]
            ],
            title=f"{topic['name']}   lag {'-' if topic['lag'] is None else topic['lag']}",
        )
        click.echo("  ".join(f"{setting}={value}" for setting, value in topic["config"].items()))


def _kept(topic: dict[str, Any]) -> str:
    if topic["cleanup"] == "compact" or topic["retention_ms"] < 0:
        return "for good"
    return f"{timedelta(milliseconds=topic['retention_ms']).days} days"


def _sentence(change: "Change", dry_run: bool) -> str:
    done = "would be " if dry_run else ""
    if change.action == "create":
        return f"{change.topic}: {done}created, {change.after} partitions"
    if change.applied:
        return f"{change.topic}: {change.setting} {done}changed from {change.before} to {change.after}"
    return (
        f"{change.topic}: has {change.before} {change.setting}, not {change.after} as declared; "
        "this is not changed here"
    )


@contextmanager
def _broker_errors() -> Iterator[None]:
    from postpulse.kafka.admin import AdminError

    try:
        yield
    except AdminError as exc:
        raise click.ClickException(f"{exc}") from None
