"""Who waits for what, and who is woken."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from query_api.live.waiters import TooManyWaitersError, Waiters

ids = st.sampled_from("abc")


@given(st.lists(ids, max_size=8), st.lists(ids | st.just("nobody"), max_size=4))
def test_those_who_wait_for_it_are_woken_and_nobody_else(waiting: list[str], news: list[str]) -> None:
    waiters = Waiters(limit=8)
    with ExitStack() as stack:
        events = [(post_id, stack.enter_context(waiters.waiting_for(post_id))) for post_id in waiting]
        assert len(waiters) == len(waiting)
        waiters.wake(news)
        assert [event.is_set() for _, event in events] == [post_id in news for post_id, _ in events]
        waiters.wake(None)
        assert all(event.is_set() for _, event in events)
    assert len(waiters) == 0
    assert waiters._waiting == {}


def test_one_who_goes_leaves_the_others_waiting() -> None:
    waiters = Waiters(limit=8)
    with waiters.waiting_for("a") as stays:
        with pytest.raises(KeyError), waiters.waiting_for("a") as goes:
            raise KeyError
        assert len(waiters) == 1
        waiters.wake(["a"])
        assert stays.is_set()
        assert not goes.is_set()


def test_no_more_than_the_limit_wait() -> None:
    waiters = Waiters(limit=2)
    with waiters.waiting_for("a"), waiters.waiting_for("a"):
        assert REGISTRY.get_sample_value("postpulse_waiters") == 2
        with pytest.raises(TooManyWaitersError), waiters.waiting_for("b"):
            pass
        assert len(waiters) == 2
    with waiters.waiting_for("b"):
        assert len(waiters) == 1
    assert REGISTRY.get_sample_value("postpulse_waiters") == 0


def test_closing_wakes_everybody() -> None:
    waiters = Waiters(limit=2)
    with waiters.waiting_for("a") as a, waiters.waiting_for("b") as b:
        assert not a.is_set()
        waiters.close()
        assert waiters.closed
        assert all(event.is_set() for event in (a, b))
