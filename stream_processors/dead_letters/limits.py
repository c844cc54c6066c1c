"""How many records may fail before the fault is the deployment's: a bad one must not empty the log. No I/O."""

from collections import deque

#: The share is of so many records of late, and means nothing before there were some.
_WINDOW_RECORDS = 1000
_LEAST_RECORDS = 100


class FailureLimits:
    """The account of one stage in this worker: what worked, what failed, and whether one more may.

    Args:
        max_run: records in a row that may fail.
        max_share: of the last 1,000 records, once there were 100.

    Attributes:
        stopped: partition -> why it waits.
    """

    def __init__(self, max_run: int, max_share: float) -> None:
        self.stopped: dict[int, str] = {}
        self._max_run = max_run
        self._max_share = max_share
        self._run = 0
        #: Records and those of them that failed, of each batch; and the sums.
        self._window: deque[tuple[int, int]] = deque()
        self._records = 0
        self._failed = 0

    def worked(self, records: int) -> None:
        """So many records were processed."""
        self._run = 0
        self._add(records, 0)

    def failed(self) -> None:
        """One was given up, for a reason that is not known to be its own fault."""
        self._run += 1
        self._add(1, 1)

    def exceeded(self) -> str | None:
        """Why no more may be given up, if one more would exceed a limit."""
        if self._run >= self._max_run:
            return f"{self._run + 1} records in a row fail; worker.max_failed_run allows {self._max_run}"
        records, failed = self._records + 1, self._failed + 1
        if records >= _LEAST_RECORDS and failed > self._max_share * records:
            share = f"worker.max_failed_share allows {self._max_share:g}"
            return f"{failed} of the last {records} records fail; {share}"
        return None

    def _add(self, records: int, failed: int) -> None:
        self._window.append((records, failed))
        self._records += records
        self._failed += failed
        while self._records - self._window[0][0] >= _WINDOW_RECORDS:
            records, failed = self._window.popleft()
            self._records -= records
            self._failed -= failed
