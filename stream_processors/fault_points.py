"""Places between the steps of a batch's effects, at which tests end the process.

No setting and no variable of the environment switches one on: a test starts a worker from a script of its own,
which puts a function in the place of `reached`. Elsewhere it does nothing.
"""

from collections.abc import Callable


def _nothing(step: str, lane: str) -> None:
    pass


#: Called with what was done last, and the topic (without the prefix in force) whose batch it is.
reached: Callable[[str, str], None] = _nothing
