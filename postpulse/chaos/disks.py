"""A full disk, as far as one process goes: no file that it writes may grow beyond a size.

The system's own limit (RLIMIT_FSIZE), set from outside on a running process of the same user: writes fail in the
middle, with EFBIG where a full disk gives ENOSPC. Linux alone lets others set it.
"""

import resource
from contextlib import suppress

from postpulse.embedded.child import Child


def limit_files(child: Child, size: int) -> bool:
    """Let no file of this process grow beyond so many bytes, its log included; larger ones stay as they are.

    Returns:
        Whether it is so: not where the system has no such limit, nor to a process that has ended.
    """
    return _limit(child, size)


def lift_limit(child: Child) -> None:
    """Let files of this process be of any size again."""
    _limit(child, None)


def _limit(child: Child, size: int | None) -> bool:
    if not hasattr(resource, "prlimit") or child.pid is None or not child.is_running:
        return False
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
        # The soft limit alone: that may be raised again.
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
        return True
    return False
