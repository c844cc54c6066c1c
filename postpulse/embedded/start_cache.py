"""Where Java's ahead-of-time cache for the broker is, and the options with which it starts from there."""

import hashlib
import re
from pathlib import Path

from postpulse.embedded.jars import cache_folder

#: The first Java that makes such a cache in one run.
_FIRST_VERSION = 25
#: A cache that no longer fits is passed over by Java, which need not say so.
QUIET = ("-Xlog:disable", "-Xlog:all=error:stderr", "-Xlog:aot=off", "-Xlog:cds=off")


def options(java: Path) -> list[str]:
    """The options that let the broker start from the cache; empty where there is none."""
    path = cache_path(java)
    return [f"-XX:AOTCache={path}", *QUIET] if path is not None and path.exists() else []


def cache_path(java: Path) -> Path | None:
    """Where the cache for this Java and these jars is, or will be; None if this Java cannot make one."""
    try:
        release = (java.resolve().parent.parent / "release").read_text()
    except OSError:
        return None
    version = re.search(r'JAVA_VERSION="(\d+)', release)
    if version is None or int(version[1]) < _FIRST_VERSION:
        return None
    digest = hashlib.sha256(release.encode()).hexdigest()[:12]
    return cache_folder().with_name(f"{cache_folder().name}-java-{digest}.aot")
