"""A dead letter holds its record whole, whatever that is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postpulse import __version__, events
from postpulse.dead_letters import redrive_headers
from postpulse.events import DeadLetter, Failure, Origin, UndecodableError
from stream_processors.analysis import ANALYSIS_VERSION
from stream_processors.dead_letters.letters import letter
from tests.unit.stream_processors.records import record

texts = st.text(st.characters(exclude_categories=["Cs"]))
headers = st.lists(st.tuples(texts, st.none() | st.binary()), max_size=3)


@given(st.none() | st.binary(), st.none() | st.binary(), headers, texts)
def test_a_letter_can_be_read_and_gives_the_record_back(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], reason: str
) -> None:
    read = record(9, value, key, "posts.v1", 4, headers)
    made = letter(read, "ingest", UndecodableError(reason))
    again = events.decode(DeadLetter, events.encode(made))
    assert again == made
    assert (again.key, again.value) == (key, value)
    assert again.headers == [(name, content or b"") for name, content in headers]
    assert again.origin == Origin("posts.v1", 4, 9, read.timestamp)
    assert (again.stage, again.attempt, again.error_class) == ("ingest", 1, "UndecodableError")


def test_a_letter_says_why_and_when() -> None:
    before = time.time_ns() // 1_000_000
    made = letter(record(0), "merge", UndecodableError("its index is 3 of 2 chunks"))
    assert made.reason == "its index is 3 of 2 chunks"
    assert made.attempt == 1
    assert before <= made.dead_at <= time.time_ns() // 1_000_000


def test_a_letter_is_no_longer_for_an_error_that_quotes_its_post() -> None:
    assert letter(record(0), "ingest", ValueError("x" * 5_000_000)).reason == "x" * 1000


def test_a_letter_says_which_version_failed() -> None:
    assert letter(record(0), "ingest", ValueError()).version == f"{__version__}, analysis {ANALYSIS_VERSION}"


@pytest.mark.parametrize("error", [ValueError(), RecursionError("")])
def test_an_error_without_words_is_named(error: Exception) -> None:
    assert letter(record(0), "ingest", error).reason == type(error).__name__


def test_a_record_that_fails_again_keeps_where_it_stood_first_and_what_failed_before() -> None:
    first = Origin("posts.v1", 4, 9, 1_767_323_045_000)
    failures = [
        Failure(origin=first, stage="ingest", reason="r" * 2000, error_class="E", dead_at=n)
        for n in range(12)
    ]
    back = redrive_headers([("trace", b"x"), ("redrive-attempt", b"7")], first, 13, failures)
    made = letter(record(30, headers=back), "ingest", UndecodableError("again"))
    assert (made.attempt, made.redriven_from) == (13, first)
    assert made.headers == [("trace", b"x")]
    # Bounded, however often it is redriven and however long the reasons.
    assert [failure.dead_at for failure in made.history] == list(range(2, 12))
    assert {failure.reason for failure in made.history} == {"r" * 500}
    assert events.decode(DeadLetter, events.encode(made)) == made


@pytest.mark.parametrize(
    "odd",
    [
        [("redriven-from", None)],
        [("redriven-from", b"{}"), ("redrive-attempt", b"2"), ("redrive-history", b"[]")],
        [("redriven-from", b'{"topic":"t","partition":0,"offset":1}'), ("redrive-attempt", b"two")],
        [("redrive-attempt", b"5")],
    ],
)
def test_headers_of_these_names_that_no_redrive_wrote_are_kept_as_they_are(
    odd: list[tuple[str, bytes | None]],
) -> None:
    made = letter(record(30, headers=odd), "ingest", UndecodableError("why"))
    assert (made.attempt, made.redriven_from, made.history) == (1, None, ())
    assert made.headers == [(name, value or b"") for name, value in odd]
