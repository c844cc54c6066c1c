"""Records that are given up, through the agents themselves: dead-lettered, and passed by the checkpoint."""

import msgspec
import pytest

from postpulse import events
from postpulse.events import ChunkAnalysis, DeadLetter, Place, Post
from postpulse.topics import DEAD_LETTERS, POST_ANALYSES, POST_CHUNK_ANALYSES
from stream_processors import analysis
from stream_processors.runtime.batches import Record, RecordBatch
from tests.integration.sink.test_batches import StartWorker, batch, erased, said
from tests.integration.sink.test_batches import publisher as publisher
from tests.integration.sink.test_batches import start_worker as start_worker
from tests.pipeline import Pipeline
from tests.unit.stream_processors.records import record

_CHUNK_CHARS = 256
_LONG = "Nine words are what this one sentence of mine has. " * 20


def given_up(one: Record) -> RecordBatch:
    made = batch(one)
    made.given_up = ValueError("no way")
    return made


def positions(pipeline: Pipeline) -> dict[str, int]:
    return {row["_id"]: row["next"] for row in pipeline.database.checkpoints.find()}


def letters(pipeline: Pipeline) -> list[DeadLetter]:
    return [events.decode(DeadLetter, value or b"") for _, value in pipeline.read_all(DEAD_LETTERS)]


async def test_a_post_is_dead_and_its_checkpoint_behind_it(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    post = pipeline.post("one two")
    worker = await start_worker()
    # Twice, as after a crash between the checkpoint and the commit.
    for _ in range(2):
        await worker.ingest(given_up(said(4, post)))
    assert positions(pipeline) == {"posts.v1/0": 5}
    dead = pipeline.find(post.post_id)
    assert dead is not None
    assert (dead["state"], dead["stage"], dead["reason"]) == ("dead", "ingest", "no way")
    assert pipeline.read_all(POST_ANALYSES) == []
    assert {(letter.error_class, letter.value) for letter in letters(pipeline)} == {
        ("ValueError", events.encode(post))
    }
    assert len({key for key, _ in pipeline.read_all(DEAD_LETTERS)}) == 1


async def test_an_edit_or_a_delete_that_is_given_up_leaves_the_post_as_it_was(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    post = pipeline.post("one two")
    worker = await start_worker()
    await worker.ingest(batch(said(0, post)))
    before = pipeline.find(post.post_id)
    told = pipeline.read_all(POST_ANALYSES)
    await worker.ingest(given_up(said(1, msgspec.structs.replace(post, content="three"))))
    await worker.ingest(given_up(erased(2, post)))
    assert pipeline.find(post.post_id) == before
    # Nothing is told again either: that may be what fails.
    assert pipeline.read_all(POST_ANALYSES) == told
    assert positions(pipeline) == {"posts.v1/0": 3}
    assert len(letters(pipeline)) == 2


async def test_a_post_that_was_written_and_cannot_be_sent_on_waits_for_nothing(
    pipeline: Pipeline, start_worker: StartWorker
) -> None:
    post = pipeline.post(_LONG)
    worker = await start_worker()
    await worker.ingest(batch(said(0, post), said(1, pipeline.post("behind it"))))
    await worker.ingest(given_up(said(0, post)))
    assert (pipeline.find(post.post_id) or {})["state"] == "dead"
    assert positions(pipeline) == {"posts.v1/0": 2}
    assert pipeline.counters("volume")[""]["posts"] == 1


def partials(post: Post, first_offset: int) -> list[Record]:
    pieces = analysis.split(post.content, _CHUNK_CHARS)
    return [
        partial(first_offset + index, post, index, len(pieces), analysis.analyze_chunk(piece.text))
        for index, piece in enumerate(pieces)
    ]


def partial(
    offset: int, post: Post, index: int, count: int, result: analysis.Partial, failed: str | None = None
) -> Record:
    event = ChunkAnalysis(
        post_id=post.post_id,
        place=Place(0, 0),
        index=index,
        count=count,
        analysis_version=analysis.ANALYSIS_VERSION,
        partial=result,
        failed=failed,
    )
    return record(offset, events.encode(event), post.post_id.encode(), POST_CHUNK_ANALYSES.name)


@pytest.mark.parametrize("stage", ["analyze", "merge"])
async def test_a_chunk_that_is_given_up_ends_its_post_until_it_is_redriven(
    pipeline: Pipeline, start_worker: StartWorker, stage: str
) -> None:
    post = pipeline.post(_LONG, author="ada")
    worker = await start_worker()
    await worker.ingest(batch(said(0, post)))
    first, bad, *rest = partials(post, 0)
    await worker.merge(batch(first))
    if stage == "merge":
        await worker.merge(given_up(bad))
        assert [letter.stage for letter in letters(pipeline)] == ["merge"]
    else:
        await worker.merge(batch(partial(1, post, 1, 2 + len(rest), {}, "no way")))
        # The letter was the analyze agent's to send.
        assert letters(pipeline) == []
    dead = pipeline.find(post.post_id)
    assert dead is not None
    assert (dead["state"], dead["stage"], dead["reason"]) == ("dead", stage, "no way")
    await worker.merge(batch(*rest))
    assert pipeline.find(post.post_id) == dead
    assert pipeline.counters("volume") == {}
    # Redriven, the one that was missing comes at the end of the log.
    again = partials(post, 100)[1]
    await worker.merge(batch(again))
    alive = pipeline.find(post.post_id)
    assert alive is not None
    assert (alive["state"], alive["analysis"]) == ("analyzed", analysis.analyze(post.content))
    assert not {"stage", "reason"} & alive.keys()
    assert pipeline.counters("volume")[""]["posts"] == 1
    assert pipeline.database.chunk_results.count_documents({}) == 0
    assert pipeline.current_results().keys() == {post.post_id}
