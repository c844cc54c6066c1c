"""The one place that sorts what goes wrong with a batch: what passes by itself, and what is a record's own fault.

* What passes by itself (a server away, an election, a full queue, a lost partition) makes the partition wait.
* All else is of a record: the batch is split until it is found, and it alone goes to the dead letters.
* Where that happens to too many, the fault is the deployment's: see `stream_processors.dead_letters.limits`.
"""

from collections.abc import Iterator

from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError, WriteError

from postpulse.kafka.publisher import PublishError, RecordTooLargeError
from stream_processors.sink.checkpoints import CheckpointMovedError

#: What MongoDB says of a single write and means of the moment: somebody else was faster (the next attempt reads
#: what they wrote), or the server is short of something, stopping, or not the primary any more.
_PASSING_WRITES = frozenset(
    {
        11000,  # DuplicateKey
        112,  # WriteConflict
        14031,  # OutOfDiskSpace
        50,  # MaxTimeMSExpired
        91,  # ShutdownInProgress
        189,  # PrimarySteppedDown
        246,  # SnapshotUnavailable
        251,  # NoSuchTransaction
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted: who takes a lane over ends the session of the one before
        11602,  # InterruptedDueToReplStateChange
        13388,  # StaleConfig
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)
#: What MongoDB says of a whole command and means of the documents in it.
_COMMANDS_OF_A_RECORD = frozenset(
    {
        2,  # BadValue
        9,  # FailedToParse
        14,  # TypeMismatch
        22,  # InvalidBSON
        121,  # DocumentValidationFailure
        10334,  # BSONObjectTooLarge
        17419,  # the document would be too large
        17420,  # the same, of an update
    }
)
_PASSING_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError")


class ProcessKilledError(Exception):
    """Worker processes have ended whenever this record was processed: it is not tried again."""

    def __init__(self, kills: int) -> None:
        super().__init__(
            f"it ended the worker {kills} times, being processed alone: killed, crashed or too slow"
        )


def passes_by_itself(error: Exception) -> bool:
    """Whether the same batch may well succeed a while later, as it is.

    Errors of MongoDB's driver and of a command as a whole do (refused, not authorized, not primary): they are
    the server's, or somebody mends them there. Those of a single write, of a value that is no BSON (they are no
    `PyMongoError`) and of a record that is too large for its topic do not.
    """
    if isinstance(error, RecordTooLargeError):
        return False
    if isinstance(error, OperationFailure):
        return _of_the_server(error)
    return isinstance(error, (CheckpointMovedError, PyMongoError, PublishError, OSError))


def _of_the_server(error: OperationFailure) -> bool:
    if isinstance(error, DuplicateKeyError) or any(map(error.has_error_label, _PASSING_LABELS)):
        return True
    if isinstance(error, BulkWriteError):
        return any(code in _PASSING_WRITES for code in _codes(error)) or not error.details.get("writeErrors")
    if isinstance(error, WriteError):
        return error.code in _PASSING_WRITES
    return error.code not in _COMMANDS_OF_A_RECORD


def _codes(error: BulkWriteError) -> Iterator[int]:
    for failed in error.details.get("writeErrors", ()):
        yield failed.get("code")
