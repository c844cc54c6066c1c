"""What a batch says of itself, and what is read from a record."""

from stream_processors.runtime.batches import RecordBatch, copied_headers, header
from tests.unit.stream_processors.records import record


def test_a_batch_commits_behind_its_last_record_whatever_is_missing_before() -> None:
    finished: list[RecordBatch] = []
    records = [record(offset, topic="chunks", partition=2) for offset in (4, 5, 9)]
    batch = RecordBatch("chunks", 2, records, finished.append)
    assert (batch.first_offset, batch.next_offset) == (4, 10)
    assert list(batch) == records
    assert len(batch) == 3
    assert not batch.started
    assert not batch.revoked
    assert repr(batch) == "<RecordBatch chunks/2 4..9>"
    batch.finish()
    assert finished == [batch]


def test_headers() -> None:
    read = record(0, headers=[("a", b"1"), ("b", b""), ("a", b"2")])
    assert header(read, "a") == b"1"
    assert header(read, "b") == b""
    assert header(read, "c") is None
    assert header(record(0), "a") is None
    assert copied_headers(read) == [("a", b"1"), ("b", b""), ("a", b"2")]
    assert copied_headers(record(0)) == []


def test_a_header_without_a_value_is_an_empty_one() -> None:
    """Kafka allows it; a dead letter could not be read again with a null among its headers."""
    assert copied_headers(record(0, headers=[("a", None)])) == [("a", b"")]
