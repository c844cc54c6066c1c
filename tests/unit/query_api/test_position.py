"""The ids of a stream's events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.live.position import (
    NoIdError,
    OtherVersionError,
    Position,
    position_of,
    records_between,
)

_LOG = bytes(range(240, 256))
_offsets = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=60)


@given(log=st.binary(min_size=16, max_size=16), offsets=_offsets)
def test_an_id_says_the_place(log: bytes, offsets: list[int]) -> None:
    position = Position(log, offsets)
    assert position_of(position.id) == position


def test_an_id_fits_a_header_however_many_partitions_there_are() -> None:
    position = Position(_LOG, [10**12 + (i * 7919) % 2_000_000 for i in range(1000)])
    assert len(position.id) < 6000
    assert position_of(position.id) == position


@given(st.text(max_size=60))
def test_any_other_text_is_none(text: str) -> None:
    try:
        found = position_of(text)
    except (NoIdError, OtherVersionError):
        return
    assert found.offsets


@pytest.mark.parametrize(
    "text",
    [
        "",
        "17",
        "1.",
        "0.AAAA",
        "1.AAAA",
        "1.!!!!",
        " " + Position(_LOG, [1]).id,
        Position(_LOG, [1]).id + "\n",
        # A place, but of no partition; numbers without an end; numbers beyond all offsets.
        Position(_LOG, [0]).id[:-2],
        Position(_LOG, [300]).id[:-2],
        Position(_LOG, [2**63]).id,
        Position(_LOG, [2**80]).id,
    ],
)
def test_what_no_event_has_is_refused(text: str) -> None:
    with pytest.raises(NoIdError):
        position_of(text)


def test_an_id_of_another_version_is_told_from_garbage() -> None:
    with pytest.raises(OtherVersionError):
        position_of("2.anything")


def test_what_lies_between_two_places() -> None:
    before, after = Position(_LOG, [5, 5, 5]), Position(_LOG, [7, 5, 15])
    assert before.before(after) == {0: (5, 7), 2: (5, 15)}
    assert records_between(before.before(after).values()) == 12
    assert after.before(before) == {}
    assert before.within(5).offsets == [5, 5, 5, 0, 0]
