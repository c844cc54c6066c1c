"""Finds the stack that `postpulse up` has started, for commands that talk to it."""

import os
from dataclasses import dataclass
from pathlib import Path

from postpulse.embedded.data_dir import StackState, default_data_dir, read_state


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack whose `postpulse up` is alive.

    Attributes:
        data_dir: its data directory.
        address: of its APIs, `http://host:port`.
        environment: `POSTPULSE_…` variables with which `load_settings` reaches it.
        state: everything it has written about itself.
    """

    data_dir: Path
    address: str
    environment: dict[str, str]
    state: StackState


def find_running_stack(data_dir: Path | None = None) -> RunningStack | None:
    """The stack that runs on a data directory, the default one if none is named; None if there is none."""
    folder = data_dir or default_data_dir()
    state = read_state(folder)
    if state is None or state.address is None or state.supervisor.find() is None:
        return None
    return RunningStack(folder, state.address, state.environment, state)


def adopt_running_stack(data_dir: Path | None = None) -> RunningStack | None:
    """Let `load_settings` reach the running stack, if there is one. What the user has set stays in force."""
    stack = find_running_stack(data_dir)
    if stack is not None:
        for variable, value in stack.environment.items():
            os.environ.setdefault(variable, value)
    return stack
