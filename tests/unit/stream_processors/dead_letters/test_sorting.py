"""Which failures are waited for, and which are a record's own."""

from typing import Any

import pytest
from bson import encode
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
    WTimeoutError,
)

from postpulse.events import UndecodableError
from postpulse.kafka.publisher import PublishError, QueueFullError, RecordTooLargeError
from stream_processors.dead_letters.sorting import ProcessKilledError, passes_by_itself
from stream_processors.sink.checkpoints import CheckpointMovedError


def bulk(*codes: int, **more: Any) -> BulkWriteError:
    return BulkWriteError({"writeErrors": [{"code": code, "errmsg": "?"} for code in codes], **more})


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("primary gone"),
        ServerSelectionTimeoutError("nobody there"),
        # Of a client that was closed, as while a worker stops.
        InvalidOperation("Cannot use AsyncMongoClient after close"),
        OperationFailure("not authorized", 13),
        OperationFailure("a conflict", 112, {"errorLabels": ["TransientTransactionError"]}),
        # Even where its code would say otherwise.
        OperationFailure("bad, but only now", 2, {"errorLabels": ["TransientTransactionError"]}),
        WTimeoutError("late", 64),
        DuplicateKeyError("somebody was faster", 11000),
        WriteError("no space left", 14031),
        WriteError("operation was interrupted", 11601),
        bulk(11000),
        bulk(14, 14031),
        bulk(writeConcernErrors=[{"code": 64}]),
        PublishError("not acknowledged"),
        QueueFullError("full"),
        TimeoutError(),
        ConnectionResetError(),
        CheckpointMovedError("lane/0"),
    ],
    ids=repr,
)
def test_these_pass_by_themselves(error: Exception) -> None:
    assert passes_by_itself(error)


@pytest.mark.parametrize(
    "error",
    [
        UndecodableError("not a Post"),
        RecordTooLargeError("8 MB"),
        DocumentTooLarge("17 MB"),
        WriteError("Cannot apply $inc to a value of non-numeric type", 14),
        OperationFailure("BSONObj size is invalid", 10334),
        bulk(14),
        bulk(17420, 14),
        ValueError("?"),
        KeyError("num_of_words"),
        MemoryError(),
        RecursionError(),
        ProcessKilledError(2),
    ],
    ids=repr,
)
def test_these_are_of_a_record(error: Exception) -> None:
    assert not passes_by_itself(error)


@pytest.mark.parametrize("value", [frozenset(), 2**70, "\ud800", {"": {1: 2}}], ids=repr)
def test_what_is_no_bson_is_of_a_record(value: object) -> None:
    with pytest.raises((InvalidDocument, OverflowError, UnicodeEncodeError)) as failure:
        encode({"of a post": value})
    assert not isinstance(failure.value, PyMongoError)
    assert not passes_by_itself(failure.value)
