"""Programs of the system that single tests need."""

import os
import shutil

import pytest


def need_program(name: str) -> str:
    """Where the program is. Without it the test is skipped, or fails where POSTPULSE_TEST_PROGRAMS names it."""
    path = shutil.which(name)
    if path is not None:
        return path
    if name in os.environ.get("POSTPULSE_TEST_PROGRAMS", "").split():
        pytest.fail(f"{name} should be installed here")
    pytest.skip(f"{name} is not installed")
