"""Dead letters through a real worker: kept, taken away, and what redriven records do to posts."""

import msgspec

from postpulse import events
from postpulse.dead_letters import redrive_headers
from postpulse.events import DeadLetter, Origin, Post
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS
from tests.integration.dead_letters import letter_of, letters_in, send_letters
from tests.pipeline import Pipeline


def redriven(pipeline: Pipeline, post: Post, offset: int, partition: int) -> None:
    first = Origin(pipeline.topic(POSTS), partition, offset)
    back = redrive_headers([], first, 2, [])
    pipeline.send_raw(POSTS, post.post_id.encode(), events.encode(post), headers=back)
    pipeline.flush()


def test_a_letter_is_kept_whole_and_once_however_often_it_comes(pipeline: Pipeline) -> None:
    post = pipeline.post("Hello.")
    sent = letter_of(pipeline, post)
    pipeline.start_worker()
    (key,) = send_letters(pipeline, sent)
    pipeline.wait_for("the letter", lambda: letters_in(pipeline))
    before = letters_in(pipeline)
    assert list(before) == [key]
    kept = before[key]
    assert (kept["post_id"], kept["post_offset"], kept["key"]) == (post.post_id, 0, post.post_id.encode())
    assert (kept["value"], kept["value_bytes"]) == (sent.value, len(sent.value or b""))
    assert kept["headers"] == [["trace", b"\xff"]]
    assert (kept["reason"], kept["attempt"], kept["history"]) == ("it broke", 1, [])

    send_letters(pipeline, sent)
    pipeline.wait_committed(DEAD_LETTERS)
    assert letters_in(pipeline) == before
    # A null value takes it away, also where there is none any more.
    for _ in range(2):
        pipeline.send_raw(DEAD_LETTERS, key.encode(), None)
    pipeline.flush()
    pipeline.wait_committed(DEAD_LETTERS)
    assert letters_in(pipeline) == {}


def test_garbage_among_the_letters_is_kept_as_a_letter_and_goes_round_no_circle(pipeline: Pipeline) -> None:
    good = letter_of(pipeline, pipeline.post("Hello."))
    for key, value in (
        (b"not/a/key", events.encode(good)),
        (b"x", b"{not json"),
        (b"\xff", None),
        (b"y/0/1", events.encode(msgspec.structs.replace(good, origin=Origin("y", 0, 1), dead_at=2**62))),
        (b"z/0/1", events.encode(msgspec.structs.replace(good, origin=Origin("z", 0, 1), attempt=2**64))),
    ):
        pipeline.send_raw(DEAD_LETTERS, key, value)
    pipeline.flush()
    pipeline.start_worker()
    (key,) = send_letters(pipeline, good)
    pipeline.wait_committed(DEAD_LETTERS)
    kept = letters_in(pipeline)
    assert len(kept) == 6
    about = [letter for _id, letter in kept.items() if _id != key]
    assert {letter["stage"] for letter in about} == {"keep-letters"}
    assert {letter["origin"]["topic"] for letter in about} == {pipeline.topic(DEAD_LETTERS)}
    assert {letter["key"] for letter in about} == {b"not/a/key", b"x", b"\xff", b"y/0/1", b"z/0/1"}
    assert len(pipeline.read_all(DEAD_LETTERS)) == 6


def test_deleting_a_post_deletes_its_letters_whichever_comes_first(pipeline: Pipeline) -> None:
    before, after, other = (pipeline.post(f"Post {n}.") for n in range(3))
    pipeline.start_worker()
    for post in (before, other):
        pipeline.send_raw(POSTS, post.post_id.encode(), b"{broken")
    pipeline.send_raw(POST_CHUNKS, f"{before.post_id}:0".encode(), b"{broken")
    pipeline.flush()
    pipeline.wait_for("three letters", lambda: len(letters_in(pipeline)) == 3)
    pipeline.delete(before.post_id)
    pipeline.wait_for(
        "one letter", lambda: [k["post_id"] for k in letters_in(pipeline).values()] == [other.post_id]
    )

    # A worker that was slow sends one of a post that is deleted already.
    for _ in range(2):
        pipeline.delete(after.post_id)
    pipeline.wait_for("the marker", lambda: (pipeline.find(after.post_id) or {}).get("offset", 0) > 0)
    pipeline.send_raw(POST_CHUNK_ANALYSES, after.post_id.encode(), b"{broken")
    # Of a partition that there is not, so that it is nobody else's place.
    send_letters(pipeline, letter_of(pipeline, after, origin=Origin(pipeline.topic(POSTS), 9, 0)))
    for topic in (POST_CHUNK_ANALYSES, DEAD_LETTERS):
        pipeline.wait_committed(topic)
    pipeline.wait_for(
        "one letter", lambda: [k["post_id"] for k in letters_in(pipeline).values()] == [other.post_id]
    )
    # In the log as well, once it is compacted.
    last = dict(pipeline.read_all(DEAD_LETTERS))
    (left,) = (value for value in last.values() if value is not None)
    assert events.decode(DeadLetter, left).key == other.post_id.encode()


def test_a_redriven_record_takes_the_place_of_what_failed(pipeline: Pipeline) -> None:
    post = pipeline.post("Now it can be read.")
    pipeline.send_raw(POSTS, post.post_id.encode(), b"{broken")
    pipeline.flush()
    pipeline.start_worker()
    dead = pipeline.wait_state(post.post_id, "dead")
    # Twice: whoever redrove it died before the letter was taken away.
    for _ in range(2):
        redriven(pipeline, post, dead["offset"], dead["partition"])
    pipeline.wait_state(post.post_id, "analyzed")
    pipeline.wait_committed(POSTS)
    assert pipeline.counters("volume")[""]["posts"] == 1


def test_a_redriven_record_never_undoes_an_edit_or_a_delete(pipeline: Pipeline) -> None:
    edited, deleted = pipeline.post("The newer words."), pipeline.post("Gone.")
    pipeline.start_worker()
    for post in (edited, deleted):
        pipeline.send_raw(POSTS, post.post_id.encode(), b"{broken")
    pipeline.flush()
    first = {post.post_id: pipeline.wait_state(post.post_id, "dead") for post in (edited, deleted)}
    pipeline.send(edited)
    pipeline.delete(deleted.post_id)
    newer = pipeline.wait_state(edited.post_id, "analyzed")
    pipeline.wait_state(deleted.post_id, "deleted")
    old = msgspec.structs.replace(edited, content="The older.")
    for post in (old, deleted):
        dead = first[post.post_id]
        redriven(pipeline, post, dead["offset"], dead["partition"])
    # Delete and redrive in one batch, too.
    both = pipeline.post("Both.")
    pipeline.delete(both.post_id)
    partition = pipeline.wait_state(both.post_id, "deleted")["partition"]
    worker = pipeline.workers[0]
    assert pipeline.stop(worker) == 0
    pipeline.delete(both.post_id)
    redriven(pipeline, both, 0, partition)
    pipeline.start_worker()

    def erased() -> bool:
        last = dict(pipeline.read_all(POSTS))
        return all(last[post.post_id.encode()] is None for post in (deleted, both))

    # The log's last word is the delete again: compaction would keep the post for good otherwise.
    pipeline.wait_for("the deletes to be the last word", erased)
    pipeline.wait_committed(POSTS)
    assert pipeline.find(edited.post_id) == newer
    for post in (deleted, both):
        assert (pipeline.find(post.post_id) or {})["state"] == "deleted"
    assert pipeline.counters("volume")[""]["posts"] == 1
