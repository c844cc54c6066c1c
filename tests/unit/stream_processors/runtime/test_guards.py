"""What a worker takes from the guard of the one before: when it is careful, and about which records."""

from typing import Any

import pytest

from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.guards import WATCHED_BATCHES, Watch, _parts, inherit
from tests.unit.stream_processors.records import record

_NONE = range(0)


def guard(**fields: Any) -> dict[str, Any]:
    """Of a worker that died with nothing under a mark."""
    return {
        "owner": "before",
        "left": False,
        "watch": 0,
        "suspect": [0, 0],
        "alone": False,
        "kills": 0,
    } | fields


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, Watch()),
        (guard(left=True), Watch()),
        # Given back to the same process by a rebalance.
        (guard(owner="me"), Watch()),
        (guard(), Watch(WATCHED_BATCHES)),
        # Died in a watched batch, and in one record of it.
        (guard(alone=True, suspect=[10, 20], watch=3), Watch(WATCHED_BATCHES, range(10, 20))),
        (guard(alone=True, suspect=[12, 13]), Watch(WATCHED_BATCHES, range(12, 13), 1)),
        (guard(alone=True, suspect=[12, 13], kills=1), Watch(WATCHED_BATCHES, range(12, 13), 2)),
        # Died of something else: the suspect is as suspect as before.
        (guard(suspect=[12, 13], kills=1), Watch(WATCHED_BATCHES, range(12, 13), 1)),
        (guard(suspect=[12, 20]), Watch(WATCHED_BATCHES, range(12, 20))),
        # Got on: what it died in is committed.
        (guard(alone=True, suspect=[3, 10], kills=1), Watch(WATCHED_BATCHES)),
        # Left in the middle of a batch: no death; but what was suspect before is not forgotten.
        (guard(left=True, alone=True, suspect=[10, 20], watch=7), Watch(7)),
        (guard(left=True, alone=True, suspect=[12, 13], watch=7, kills=1), Watch(7, range(12, 13), 1)),
    ],
)
def test_what_is_inherited(before: dict[str, Any] | None, expected: Watch) -> None:
    watch = inherit(before, "me", 10)
    assert (watch.batches, watch.kills) == (expected.batches, expected.kills)
    assert watch.suspects == expected.suspects


@pytest.mark.parametrize(
    ("suspects", "parts"),
    [
        (_NONE, [[2, 3, 5, 8, 9]]),
        (range(2), [[2, 3, 5, 8, 9]]),
        (range(10, 20), [[2, 3, 5, 8, 9]]),
        (range(2, 10), [[2], [3], [5], [8], [9]]),
        (range(3, 9), [[2], [3], [5], [8], [9]]),
        (range(5, 6), [[2, 3], [5], [8, 9]]),
        # Compacted away.
        (range(6, 8), [[2, 3, 5, 8, 9]]),
        (range(8, 30), [[2, 3, 5], [8], [9]]),
    ],
)
def test_suspects_are_taken_one_by_one(suspects: range, parts: list[list[int]]) -> None:
    batch = RecordBatch("posts", 0, [record(offset) for offset in (2, 3, 5, 8, 9)], lambda _: None)
    made = _parts(batch, suspects)
    assert [[record.offset for record in part] for part in made] == parts
    assert all(part.watched for part in made)
