"""Posts through a real worker: what ends up in MongoDB and on the topics."""

import random
from datetime import UTC, datetime

import msgspec
import pytest

from postpulse import events
from postpulse.events import Chunk, ChunkAnalysis, DeadLetter, Place
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS
from stream_processors import analysis
from tests.pipeline import Pipeline

SENTENCES = (
    "The quick brown fox jumps over the lazy dog. ",
    "Straße und Wörter, 3.14 mal! ",
    "你好,世界。\n",
    "Was it a car or a cat I saw? ",
    "👩‍👩‍👧‍👦 families count once. ",
)


def _long_text(characters: int, seed: int = 1) -> str:
    pick = random.Random(seed)
    text = ""
    while len(text) < characters:
        text += "".join(pick.choices(SENTENCES, k=100))
    return text


def test_a_short_post_is_stored_counted_and_told(pipeline: Pipeline) -> None:
    written = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp() * 1000)
    post = pipeline.post(
        "Hello there, world.", author="ada", lang="en", source="web", tags=("greeting",), created_at=written
    )
    pipeline.start_worker()
    pipeline.send(post)
    document = pipeline.wait_state(post.post_id, "analyzed")

    assert document["content"] == "Hello there, world."
    assert document["analysis"] == analysis.analyze("Hello there, world.")
    assert document["analysis"]["num_of_words"] == 3
    assert (document["author"], document["lang"], document["source"]) == ("ada", "en", "web")
    assert document["created_at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert document["approximate"] == []
    assert pipeline.counters("volume") == {"": {"posts": 1, "words": 3, "characters": 19}}
    assert pipeline.counters("language")["en"]["posts"] == 1
    assert pipeline.counters("author")["ada"]["words"] == 3
    minute = pipeline.database.counters.find_one({"dimension": "volume"})
    assert minute is not None
    assert minute["bucket"] == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

    pipeline.wait_committed(POSTS)
    (result,) = pipeline.current_results().values()
    assert result is not None
    assert result["post_id"] == post.post_id
    assert result["metrics"]["num_of_words"] == 3
    assert result["author"] == "ada"


def test_a_long_post_is_split_and_equals_the_whole(pipeline: Pipeline) -> None:
    text = _long_text(200_000)
    post = pipeline.post(text)
    pipeline.start_worker()
    pipeline.send(post)
    document = pipeline.wait_state(post.post_id, "analyzed")

    assert document["chunks"] > 10
    assert document["analysis"] == analysis.analyze(text)
    assert document["approximate"] == []
    assert pipeline.database.chunk_results.count_documents({}) == 0
    assert pipeline.counters("volume")[""]["words"] == document["analysis"]["num_of_words"]
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)
    result = pipeline.current_results()[post.post_id]
    assert result is not None
    assert result["chunks"] == document["chunks"]


@pytest.mark.parametrize("content", ["a", " x ", "日", "👍", "one two " * 5000, "z" * 60_000])
def test_texts_with_nothing_to_count_or_nowhere_to_cut(pipeline: Pipeline, content: str) -> None:
    post = pipeline.post(content)
    pipeline.start_worker()
    pipeline.send(post)
    document = pipeline.wait_state(post.post_id, "analyzed")
    whole = analysis.analyze(content)
    if document["approximate"]:
        assert document["analysis"]["num_of_characters"] == whole["num_of_characters"]
    else:
        assert document["analysis"] == whole


def test_what_comes_twice_counts_once(pipeline: Pipeline) -> None:
    posts = [pipeline.post(f"Post number {n} says hello.", author=f"a{n % 3}") for n in range(200)]
    long = pipeline.post(_long_text(60_000))
    pipeline.send(*posts, long, *posts, long)
    pipeline.start_worker()
    pipeline.wait_analyzed(201)
    pipeline.send(*posts, long)
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)
    pipeline.wait_analyzed(201)

    words = sum(analysis.analyze(post.content)["num_of_words"] for post in [*posts, long])
    assert pipeline.counters("volume")[""]["posts"] == 201
    assert pipeline.counters("volume")[""]["words"] == words
    assert sum(row["posts"] for row in pipeline.counters("author").values()) == 200


def test_an_edit_replaces_and_a_delete_takes_out(pipeline: Pipeline) -> None:
    kept, edited, removed = (pipeline.post("one two three", author="ada") for _ in range(3))
    pipeline.start_worker()
    pipeline.send(kept, edited, removed)
    pipeline.wait_analyzed(3)
    pipeline.send(msgspec.structs.replace(edited, content="just two"))
    pipeline.delete(removed.post_id)
    gone = pipeline.wait_state(removed.post_id, "deleted")
    pipeline.wait_for("the edit", lambda: (pipeline.find(edited.post_id) or {}).get("content") == "just two")

    assert set(gone) == {"_id", "partition", "offset", "state", "deleted_at"}
    assert pipeline.counters("volume") == {"": {"posts": 2, "words": 5, "characters": 21}}
    assert pipeline.counters("author")["ada"]["posts"] == 2
    pipeline.wait_committed(POSTS)
    results = pipeline.current_results()
    assert results[removed.post_id] is None
    revised = results[edited.post_id]
    assert revised is not None
    assert revised["metrics"]["num_of_words"] == 2


def test_a_delete_of_a_long_post_under_way_is_not_undone_by_its_chunks(pipeline: Pipeline) -> None:
    post = pipeline.post(_long_text(100_000))
    pipeline.send(post)
    pipeline.delete(post.post_id)
    # The chunks as an earlier worker would have sent them before it saw the tombstone.
    offset = 0
    for index in range(3):
        chunk = Chunk(post_id=post.post_id, place=Place(0, offset), index=index, count=3, text="Hello. ")
        pipeline.send_raw(POST_CHUNKS, f"{post.post_id}:{index}".encode(), events.encode(chunk))
    pipeline.flush()
    pipeline.start_worker()
    pipeline.wait_state(post.post_id, "deleted")
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)

    document = pipeline.find(post.post_id)
    assert document is not None
    assert document["state"] == "deleted"
    assert pipeline.counters("volume") == {}
    assert pipeline.database.chunk_results.count_documents({}) == 0
    assert pipeline.current_results().get(post.post_id) is None


def test_partial_results_of_another_analysis_version_are_not_added_up(pipeline: Pipeline) -> None:
    text = _long_text(40_000)
    post = pipeline.post(text)
    pipeline.send(post)
    pipeline.start_worker(POSTPULSE_WORKER_CHUNK_CHARS="4096")
    pipeline.wait_analyzed(1)
    pipeline.wait_committed(POST_CHUNK_ANALYSES)
    document = pipeline.wait_state(post.post_id, "analyzed")
    # Back to where all but one result had come, kept by a worker of an older version.
    place = Place(document["partition"], document["offset"])
    partials = [analysis.analyze_chunk(piece.text) for piece in analysis.split(text, 4096)]
    pipeline.database.posts.update_one(
        {"_id": post.post_id}, {"$set": {"state": "analyzing"}, "$unset": {"analysis": ""}}
    )
    pipeline.database.chunk_results.insert_many(
        {
            "_id": f"{post.post_id}/{place.offset}/{index}",
            "post_id": post.post_id,
            "offset": place.offset,
            "index": index,
            "count": len(partials),
            "analysis_version": -1,
            "exact": True,
            "partial": {"of": "another form"},
        }
        for index in range(len(partials) - 1)
    )
    last = ChunkAnalysis(
        post_id=post.post_id,
        place=place,
        index=len(partials) - 1,
        count=len(partials),
        analysis_version=analysis.ANALYSIS_VERSION,
        partial=partials[-1],
    )
    pipeline.send_raw(POST_CHUNK_ANALYSES, post.post_id.encode(), events.encode(last))
    pipeline.flush()
    assert pipeline.wait_state(post.post_id, "analyzed")["analysis"] == analysis.analyze(text)


def test_garbage_goes_to_the_dead_letters_and_harms_nobody(pipeline: Pipeline) -> None:
    good = pipeline.post("I am fine.")
    known = pipeline.ids.mint()
    garbage: list[tuple[bytes, bytes | None]] = [
        (good.post_id.encode(), b"{not json"),
        (known.encode(), b'{"post_id": 7}'),
        (b"short", None),
        (known.encode(), events.encode(good)),
        (known.encode(), b"\xff\xfe"),
        (known.encode(), b"[" * 100_000),
        (known.encode(), events.encode(msgspec.structs.replace(good, schema_version=9))),
        (known.encode(), b" "),
    ]
    pipeline.send(good)
    for key, value in garbage:
        pipeline.send_raw(POSTS, key, value, headers=[("trace", b"x")])
    for topic in (POST_CHUNKS, POST_CHUNK_ANALYSES):
        # Without a key, too: posts.v1 is compacted, so that the broker itself refuses those there.
        pipeline.send_raw(topic, None, b"nonsense")
        pipeline.send_raw(topic, b"k", None)
    pipeline.flush()
    pipeline.start_worker()
    pipeline.wait_analyzed(1)
    for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES):
        pipeline.wait_committed(topic)

    letters = [events.decode(DeadLetter, value or b"") for _, value in pipeline.read_all(DEAD_LETTERS)]
    assert len(letters) == len(garbage) + 4
    assert {(sent.key, sent.value) for sent in letters if sent.stage == "ingest"} == set(garbage)
    assert all(sent.reason and sent.error_class for sent in letters)
    assert all(sent.headers == [("trace", b"x")] for sent in letters if sent.stage == "ingest")
    assert {sent.origin.topic for sent in letters} == {
        pipeline.topic(topic) for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES)
    }
    document = pipeline.find(good.post_id)
    assert document is not None
    assert document["state"] == "analyzed"
    dead = pipeline.find(known)
    assert dead is not None
    assert (dead["state"], dead["stage"]) == ("dead", "ingest")
    assert pipeline.counters("volume")[""]["posts"] == 1


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_records_of_every_codec(pipeline: Pipeline, codec: str) -> None:
    producer = pipeline.new_producer(**{"compression.type": codec, "linger.ms": 50})
    posts = [pipeline.post(f"Compressed {n}. " * 20) for n in range(50)]
    for post in posts:
        pipeline.send_raw(POSTS, post.post_id.encode(), events.encode(post), producer)
    assert producer.flush(20) == 0
    pipeline.start_worker()
    pipeline.wait_analyzed(50)


def test_records_in_transactions_committed_and_aborted(pipeline: Pipeline) -> None:
    producer = pipeline.new_producer(**{"transactional.id": pipeline.ids.mint()})
    producer.init_transactions(30)
    committed: list[str] = []
    for outcome in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        posts = [pipeline.post(f"In a transaction, {n}.") for n in range(10)]
        for post in posts:
            pipeline.send_raw(POSTS, post.post_id.encode(), events.encode(post), producer)
        producer.flush(20)
        outcome(20)
        if outcome == producer.commit_transaction:
            committed += [post.post_id for post in posts]
    pipeline.start_worker()
    pipeline.wait_analyzed(20)
    # Behind the marker of the last transaction, on each partition.
    last = [pipeline.post(f"And {n} without one.") for n in range(20)]
    pipeline.send(*last)
    pipeline.wait_analyzed(40)
    assert {row["_id"] for row in pipeline.database.posts.find()} == {*committed, *(p.post_id for p in last)}
    assert pipeline.counters("volume")[""]["posts"] == 40


def test_a_worker_stops_cleanly_and_the_next_one_repeats_nothing(pipeline: Pipeline) -> None:
    pipeline.send(*(pipeline.post(f"First {n}.") for n in range(500)))
    first = pipeline.start_worker()
    pipeline.wait_analyzed(500)
    assert pipeline.stop(first) == 0
    assert pipeline.lag(POSTS) == 0
    told = len(pipeline.current_results())
    pipeline.send(*(pipeline.post(f"Second {n}.") for n in range(100)))
    pipeline.start_worker()
    pipeline.wait_analyzed(600)
    pipeline.wait_committed(POSTS)
    assert told == 500
    assert len(pipeline.current_results()) == 600
