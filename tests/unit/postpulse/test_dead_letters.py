"""Ids of dead letters, and which documents are newer than a redriven record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse.dead_letters import is_superseded, key_of_id, letter_id, letter_key, post_id_in
from postpulse.events import Origin

_POST_ID = b"06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F"


@given(
    st.from_regex(r"[A-Za-z0-9._-]{1,60}", fullmatch=True), st.integers(0, 2**31), st.integers(0, 2**63 - 1)
)
def test_an_id_gives_its_key_back(topic: str, partition: int, offset: int) -> None:
    key = letter_key(Origin(topic, partition, offset))
    assert key_of_id(letter_id(key)) == key


@pytest.mark.parametrize(
    "text", ["", "posts.v1", "posts.v1-1", "-1-2", "posts.v1-01-2", "a/b-1-2", "posts.v1-1-٣"]
)
def test_what_is_no_id_has_no_key(text: str) -> None:
    assert key_of_id(text) is None


@pytest.mark.parametrize("key", [_POST_ID, _POST_ID + b":17"])
def test_posts_and_chunks_say_whose_they_are(key: bytes) -> None:
    assert post_id_in(key) == _POST_ID.decode()


@pytest.mark.parametrize("key", [None, b"", b"k", _POST_ID.lower(), b":" + _POST_ID, b"\xff" * 32])
def test_other_keys_are_nobodys(key: bytes | None) -> None:
    assert post_id_in(key) is None


@pytest.mark.parametrize(
    ("post", "superseded"),
    [
        ({"state": "analyzed", "offset": 9}, False),
        ({"state": "analyzing", "offset": 10}, False),
        ({"state": "analyzed", "offset": 11}, True),
        ({"state": "deleted", "offset": 11}, True),
        # It failed as well, and says nothing.
        ({"state": "dead", "offset": 11}, False),
        # Redriven itself: it was written before what is redriven now, or after.
        ({"state": "analyzed", "offset": 30, "redriven_from": 9}, False),
        ({"state": "analyzed", "offset": 30, "redriven_from": 11}, True),
    ],
)
def test_what_stood_later_in_the_log_is_not_undone_by_a_redrive(
    post: dict[str, object], superseded: bool
) -> None:
    assert is_superseded(post, 10) is superseded
