"""The services stay apart, and the analysis stays pure: the contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path


def test_import_rules() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([lint, "--no-cache"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
