"""What is told of a post by another lane than its own, while its own lane tells something newer."""

from collections.abc import AsyncIterator, Sequence

import pytest

from postpulse.events import Place
from postpulse.kafka.publisher import Publisher, Record
from postpulse.mongo.client import connect, database
from postpulse.topics import POST_ANALYSES
from stream_processors import analysis
from stream_processors.agents.announcing import announce, record_of
from stream_processors.sink import posts
from stream_processors.sink.transaction import Sink
from tests.pipeline import Document, Pipeline


class _Overtaken(Publisher):
    """Before its first records are sent, the posts' own lane writes and tells something newer."""

    def __init__(self, pipeline: Pipeline, newer: Document) -> None:
        super().__init__(pipeline.settings.kafka, "tests")
        self._pipeline = pipeline
        self._newer: Document | None = newer

    async def publish(self, records: Sequence[Record]) -> None:
        newer, self._newer = self._newer, None
        if newer is not None:
            self._pipeline.database.posts.replace_one({"_id": newer["_id"]}, newer)
            told = record_of(self._pipeline.topic(POST_ANALYSES), newer)
            if told is not None:
                await super().publish([told])
        await super().publish(records)


@pytest.fixture
async def sink(pipeline: Pipeline) -> AsyncIterator[Sink]:
    client = connect(pipeline.settings.mongo, "tests")
    yield Sink(client, database(client, pipeline.settings.mongo))
    await client.close()


@pytest.mark.parametrize("deleted", [False, True])
async def test_the_last_word_in_the_log_is_that_of_the_document(
    pipeline: Pipeline, sink: Sink, deleted: bool
) -> None:
    post = pipeline.post("one two")

    def at(offset: int) -> Document:
        return posts.analyzed(posts.received(post, Place(0, offset), 1), analysis.analyze(post.content), 1)

    older = at(1)
    pipeline.database.posts.insert_one(older)
    newer = posts.deleted(post.post_id, Place(0, 2), 0) if deleted else at(2)
    publisher = _Overtaken(pipeline, newer)
    publisher.start()
    try:
        await announce({post.post_id: older}, sink, publisher, pipeline.topic(POST_ANALYSES))
    finally:
        await publisher.close()
    assert len(pipeline.read_all(POST_ANALYSES)) == 3
    last = pipeline.current_results()[post.post_id]
    assert last is None if deleted else last is not None and last["revision"] == 2
