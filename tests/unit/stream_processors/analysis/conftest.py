import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of public test sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("POSTPULSE_TEST_DATA") or _ROOT.parent / "shared" / "data")
    if not (folder / "languages").is_dir():
        pytest.skip(f"no test data at {folder}; POSTPULSE_TEST_DATA names the folder")
    return folder
