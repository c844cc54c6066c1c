"""`postpulse tail`: finished analyses as they come."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postpulse.cli.reach import data_dir_option, reach
from postpulse.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from postpulse.events import Analysis

_CONNECT_SECONDS = 5.0
_POLL_SECONDS = 0.2
_BATCH = 500


@click.command("tail")
@click.option("--from-beginning", is_flag=True, help="Begin with what is there already.")
@click.option("--count", "-n", type=click.IntRange(1), help="Stop after so many.")
@click.option("--author", help="Only posts of this author.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print each event as it is on the topic, one JSON line each."
)
@data_dir_option
def command(
    from_beginning: bool, count: int | None, author: str | None, as_json: bool, data_dir: Path | None
) -> None:
    """Print analyses as they are finished, until Ctrl-C: time, post_id, words, author.

    Reads post-analyses.v1 without joining a consumer group. A post that was deleted is a line of its own.

    \b
    Exit codes:
      0    --count are printed
      1    no broker answers, or the topic is not there
      2    wrong usage or settings
      130  ended by Ctrl-C

    \b
    Examples:
      postpulse tail
      postpulse tail --author ada
      postpulse tail --from-beginning --json -n 100 | jq .metrics.num_of_words
    """
    from postpulse import events
    from postpulse.events import Analysis, UndecodableError

    settings = reach(data_dir)
    consumer = _consumer(settings)
    printed = 0
    try:
        for message in _follow(consumer, settings, from_beginning):
            key, value = (message.key() or b"").decode(errors="replace"), message.value()
            if value is None:
                if author is not None:
                    continue
                line = (
                    json.dumps({"post_id": key, "deleted": True})
                    if as_json
                    else _human(message, f"{key}  deleted")
                )
            else:
                try:
                    analysis = events.decode(Analysis, value)
                except UndecodableError as exc:
                    click.echo(f"{message.partition()}/{message.offset()}: {exc}", err=True)
                    continue
                if author is not None and analysis.author != author:
                    continue
                line = value.decode() if as_json else _human(message, _words(analysis))
            click.echo(line)
            printed += 1
            if printed == count:
                return
    finally:
        consumer.close()


def _consumer(settings: Settings) -> "Consumer":
    from confluent_kafka import Consumer

    from postpulse.kafka.connection import client_config

    return Consumer(
        {
            **client_config(settings.kafka, "postpulse-tail"),
            # Required by the client; nothing is ever committed and no group is joined.
            "group.id": "postpulse-tail",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
        }
    )


def _follow(consumer: "Consumer", settings: Settings, from_beginning: bool) -> Iterator["Message"]:
    """The records of post-analyses.v1, from its beginning or its present end, without end."""
    from confluent_kafka import KafkaException, TopicPartition

    from postpulse.topics import POST_ANALYSES, topic_name

    topic = topic_name(POST_ANALYSES, settings.kafka)
    try:
        metadata = consumer.list_topics(topic, timeout=_CONNECT_SECONDS).topics[topic]
        if metadata.error is not None:
            raise click.ClickException(f"There is no topic {topic}; `postpulse topics apply` creates it.")
        partitions = [TopicPartition(topic, partition) for partition in metadata.partitions]
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(partition, timeout=_CONNECT_SECONDS)
            partition.offset = low if from_beginning else high
        consumer.assign(partitions)
    except KafkaException as exc:
        servers = settings.kafka.bootstrap_servers
        raise click.ClickException(f"No broker answers at {servers}: {exc.args[0].str()}.") from None
    told = 0.0
    while True:
        for message in consumer.consume(_BATCH, timeout=_POLL_SECONDS):
            error = message.error()
            if error is None:
                yield message
            elif time.monotonic() - told > 1:
                # Brokers that are away come back; meanwhile, say so without flooding the terminal.
                told = time.monotonic()
                click.echo(f"Waiting: {error.str()}", err=True)


def _words(analysis: "Analysis") -> str:
    words = analysis.metrics.get("num_of_words", "?")
    # What authors call themselves must not steer the terminal.
    author = "".join(c if c.isprintable() else "�" for c in analysis.author or "")
    return f"{analysis.post_id}  {words:>7} words  {author}".rstrip()


def _human(message: "Message", text: str) -> str:
    at = datetime.fromtimestamp(message.timestamp()[1] / 1000).astimezone()
    return f"{at:%H:%M:%S}  {text}"
