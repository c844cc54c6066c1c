"""Garbage collection, as processes that handle thousands of things a second want it."""

import gc


def tune_garbage_collection() -> None:
    """Make the collector fit for records and requests, which are garbage by reference count, not in circles.

    Called once everything is imported and wired, before the first of them. Modules and settings are no garbage:
    without this, each full collection walks them all and blocks the event loop for 90 ms, and at Python's
    thresholds collecting takes more time than processing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
