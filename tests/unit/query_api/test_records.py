"""Records as streams tell them, whatever somebody has written there."""

import pytest

from postpulse import events
from postpulse.events import Analysis
from query_api.live.filters import Filters
from query_api.live.records import Record


def result(**fields: object) -> Analysis:
    given: dict[str, object] = {
        "post_id": "p",
        "revision": 1,
        "analysis_version": 1,
        "analyzed_at": 0,
        "created_at": 0,
        "received_at": 0,
        "chunks": 1,
        "metrics": {},
    }
    return Analysis(**(given | fields))  # type: ignore[arg-type]


def test_a_line_break_in_a_value_ends_no_line_of_the_event() -> None:
    told = Record(0, 0, b"p", events.encode(result(author="a\nevent: deleted\r\n\u2028")))
    assert told.body.count(b"\n") == 3
    assert b"\r" not in told.body


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        events.encode(result(created_at=2**62)),
        events.encode(result(schema_version=2)),
    ],
)
def test_what_cannot_be_read_is_not_told(value: bytes) -> None:
    assert Record(0, 0, None, value).body == b""


@pytest.mark.parametrize("found", [None, 3, "kafka", {"kafka": 1}, [["kafka"]]])
def test_metrics_of_another_form_hold_for_no_filter(found: object) -> None:
    told = result(metrics={"hashtags": found, "mentions": found})
    assert not Filters(hashtag="kafka").match(told)
    assert not Filters(mention="kafka").match(told)
    assert Filters().match(told)
