"""A stage that fails too often stops; a sender's single bad records never stop it."""

import pytest

from stream_processors.dead_letters.limits import FailureLimits


def test_a_run_of_failures_is_one_too_many_at_its_limit() -> None:
    limits = FailureLimits(3, 1.0)
    for _ in range(3):
        assert limits.exceeded() is None
        limits.failed()
    assert limits.exceeded() == "4 records in a row fail; worker.max_failed_run allows 3"


def test_one_that_works_ends_the_run() -> None:
    limits = FailureLimits(2, 1.0)
    for _ in range(10):
        limits.failed()
        limits.failed()
        assert limits.exceeded()
        limits.worked(1)
        assert limits.exceeded() is None


def test_a_share_counts_once_there_were_a_hundred() -> None:
    limits = FailureLimits(1000, 0.1)
    for _ in range(49):
        limits.failed()
        limits.worked(1)
    assert limits.exceeded() is None
    limits.worked(1)
    assert limits.exceeded() == "50 of the last 100 records fail; worker.max_failed_share allows 0.1"


def test_the_share_is_of_the_last_thousand() -> None:
    limits = FailureLimits(1000, 0.1)
    limits.worked(100_000)
    # All that was before is one entry, and still counts: nothing newer fills the window.
    limits.failed()
    assert limits.exceeded() is None
    for _ in range(10):
        limits.worked(90)
        for _ in range(10):
            limits.failed()
    assert "worker.max_failed_share" in (limits.exceeded() or "")
    limits.worked(600)
    limits.worked(600)
    assert limits.exceeded() is None


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_none_and_all(share: float) -> None:
    limits = FailureLimits(10_000, share)
    limits.worked(500)
    assert (limits.exceeded() is None) == bool(share)
    for _ in range(2000):
        limits.failed()
    assert (limits.exceeded() is None) == bool(share)
