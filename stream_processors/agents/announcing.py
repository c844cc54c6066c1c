"""What documents say, told to the readers of `post-analyses.v1`."""

from collections.abc import Mapping
from typing import Any

from postpulse import events
from postpulse.collections import Document
from postpulse.events import Analysis
from postpulse.kafka import publisher
from postpulse.kafka.publisher import Publisher
from stream_processors.sink import posts
from stream_processors.sink.transaction import Sink


def record_of(topic: str, document: Document) -> publisher.Record | None:
    """What is published of a post; None while there is nothing to tell."""
    key = document["_id"].encode()
    if document["state"] == "analyzed":
        value = events.encode(posts.analysis_event(document))
        return publisher.Record(topic, key, value, events.headers(Analysis))
    return publisher.Record(topic, key, None, []) if document["state"] == "deleted" else None


async def announce(documents: Mapping[str, Document], sink: Sink, to: Publisher, topic: str) -> None:
    """Publish documents from a lane that is not the one of their posts, acknowledged.

    The posts' own lane may have told something newer between our look and our record, which then stands
    behind it in the log. So look again, and tell what changed since, until nothing has. What changes later is
    told later.

    Args:
        documents: by post_id, as they were read.

    Raises:
        PublishError: some are not acknowledged; all are to be told again.
    """
    told = dict(documents)
    while told:
        records = [record_of(topic, document) for document in told.values()]
        await to.publish([record for record in records if record is not None])
        now = await sink.posts(told)
        told = {post_id: said for post_id, said in now.items() if _word(said) != _word(told[post_id])}


def _word(document: Document) -> tuple[Any, ...]:
    return document["offset"], document["state"], document.get("analysis_version")
