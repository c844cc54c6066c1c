"""Which of two records of a post is the last word on it, in whichever order they come."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from stream_processors.agents.documents import is_last_word

Document = dict[str, Any]


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)


def post(offset: int, received: int = 0, **more: Any) -> Document:
    return {"offset": offset, "state": "analyzed", "content": "", "received_at": at(received), **more}


def marker(offset: int, deleted: int) -> Document:
    return {"offset": offset, "state": "deleted", "deleted_at": at(deleted)}


def unread(offset: int) -> Document:
    return {"offset": offset, "state": "dead"}


@pytest.mark.parametrize(
    "last",
    [
        pytest.param([post(1), post(5)], id="an edit"),
        pytest.param(
            [post(1), post(9, redriven_from=1), post(5)], id="an edit, then the first record redriven"
        ),
        pytest.param([post(1), post(9, redriven_from=1)], id="a record redriven that could be read at once"),
        pytest.param(
            [post(8, redriven_from=1), post(7, redriven_from=3)], id="two redriven, the newer one first"
        ),
        pytest.param([post(1, 10), marker(5, 20)], id="a delete"),
        pytest.param(
            [post(1, 10), post(9, 10, redriven_from=1), marker(5, 20)], id="a delete, and the post redriven"
        ),
        pytest.param([post(1, 10), marker(5, 20), post(9, 30)], id="a delete, and the post sent anew"),
        pytest.param(
            [marker(5, 20), marker(12, 20)], id="a delete that overtook its post, and its second tombstone"
        ),
        pytest.param([unread(5), post(1)], id="what cannot be read, behind what can"),
        pytest.param([unread(1), post(6, redriven_from=1)], id="what cannot be read, and redriven can"),
        pytest.param([post(1), post(5, state="dead", stage="analyze")], id="a chunk was given up"),
    ],
)
def test_the_last_one_stays(last: list[Document]) -> None:
    for order in permutations(last):
        held = order[0]
        for document in order[1:]:
            # Of what cannot be read only a post without a document is told.
            if (document["state"] != "dead" or "content" in document) and is_last_word(document, held):
                held = document
        assert held == last[-1], order


def test_a_post_that_its_delete_overtook_stays_deleted() -> None:
    assert not is_last_word(post(9, 10), marker(5, 20))
    assert is_last_word(post(9, 30), marker(5, 20))


def test_the_same_record_changes_nothing() -> None:
    for document in (post(3), marker(3, 5), post(9, redriven_from=3)):
        assert not is_last_word(dict(document), document)
