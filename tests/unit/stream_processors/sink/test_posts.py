"""The document of a post and the event that is told from it: nothing lost, nothing made up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import example, given
from hypothesis import strategies as st

from postpulse import events
from postpulse.events import Analysis, Place, Post
from stream_processors import analysis
from stream_processors.sink import posts

times = st.integers(posts.TIMES.start, posts.TIMES.stop - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
some_posts = st.builds(
    Post,
    post_id=st.just("06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F"),
    content=texts,
    received_at=times,
    created_at=times,
    author=st.none() | texts,
    lang=st.none() | texts,
    source=st.none() | texts,
    tags=st.lists(texts, max_size=3).map(tuple),
)
PLACE = Place(2, 7)


def stored(document: dict[str, Any]) -> dict[str, Any]:
    """As MongoDB gives it back."""
    return bson.decode(bson.encode(document), CodecOptions(tz_aware=True))


@given(some_posts)
@example(Post(post_id="X", content="", received_at=-62_135_596_799_999, created_at=253_402_300_799_999))
def test_what_is_told_of_a_post_is_what_it_said(post: Post) -> None:
    received = posts.received(post, PLACE, 3)
    document = stored(posts.analyzed(received, {"num_of_words": 4}, 250))
    event = posts.analysis_event(document)
    assert (event.post_id, event.revision, event.chunks) == (post.post_id, 7, 3)
    assert (event.created_at, event.received_at) == (post.created_at, post.received_at)
    assert (event.author, event.lang, event.source, event.tags) == (
        post.author,
        post.lang,
        post.source,
        post.tags,
    )
    assert event.metrics == {"num_of_words": 4}
    assert event.approximate == ()
    assert document["content"] == post.content
    assert events.decode(Analysis, events.encode(event)) == event


def test_a_received_post_has_no_field_that_its_author_left_out() -> None:
    post = Post(post_id="X", content="hi", received_at=1, created_at=0)
    assert posts.received(post, PLACE, 2) == {
        "_id": "X",
        "partition": 2,
        "offset": 7,
        "state": "analyzing",
        "content": "hi",
        "created_at": datetime(1970, 1, 1, tzinfo=UTC),
        "received_at": datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC),
        "chunks": 2,
    }


@pytest.mark.parametrize(("exact", "approximate"), [(True, []), (False, [posts.UNCUTTABLE])])
def test_an_analysis_says_its_version_and_time_and_whether_it_is_exact(
    exact: bool, approximate: list[str]
) -> None:
    post = Post(post_id="X", content="hi", received_at=1, created_at=0)
    received = posts.received(post, PLACE, 2)
    before = datetime.now(UTC)
    document = posts.analyzed(received, {"num_of_words": 1}, 250, exact)
    after = datetime.now(UTC)
    assert document["approximate"] == approximate
    assert document["analysis_version"] == analysis.ANALYSIS_VERSION
    assert before - timedelta(milliseconds=1) <= document["analyzed_at"] <= after
    assert posts.analysis_event(document).approximate == tuple(approximate)
    assert (document["analysis_us"], posts.analysis_event(document).analysis_us) == (250, 250)
    # Documents of an earlier version do not tell.
    del document["analysis_us"]
    assert posts.analysis_event(document).analysis_us == 0
    # The document of the post under way is a value: made once, used in every attempt.
    assert received["state"] == "analyzing"
    assert "analysis" not in received


def test_a_deleted_post_leaves_its_place_alone() -> None:
    marker = posts.deleted("X", PLACE, 0)
    assert (marker["state"], marker["partition"], marker["offset"]) == ("deleted", 2, 7)


def test_a_dead_post_says_who_gave_up_on_it_and_why() -> None:
    assert posts.dead("X", PLACE, "ingest", "not JSON") == {
        "_id": "X",
        "partition": 2,
        "offset": 7,
        "state": "dead",
        "stage": "ingest",
        "reason": "not JSON",
    }
