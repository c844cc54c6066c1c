"""Writes `kafka.lock.toml` again, after a version was changed here.

Run it as `python -m postpulse.embedded.kafka_lock`.
"""

import tempfile
import tomllib
from pathlib import Path

LOCK_PATH = Path(__file__).with_name("kafka.lock.toml")
KAFKA_VERSION = "4.3.1"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Kafka logs through slf4j 1.7. The simple binding needs no configuration file and starts fastest.
    "org.slf4j:slf4j-simple:1.7.36",
)
_HEADER = f"""\
# The jars of the embedded Kafka broker, {KAFKA_VERSION}, as jgo resolves and locks them.
# Made by `python -m postpulse.embedded.kafka_lock`; every jar is checked against it when fetched.
"""


def write_lock() -> None:
    """Resolve the coordinates and write the version and SHA-256 of every jar."""
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder, "repository"))
        builder = EnvironmentBuilder(context=context, cache_dir=Path(folder, "cache"))
        environment = builder.from_endpoint("+".join(COORDINATES))
        locked = tomllib.loads(Path(environment.path, "jgo.lock.toml").read_text())
    jars = sorted(locked["dependencies"], key=lambda jar: (jar["groupId"], jar["artifactId"], jar["version"]))
    entries = [
        "[[dependencies]]\n"
        + "".join(f'{name} = "{jar[name]}"\n' for name in ("groupId", "artifactId", "version", "sha256"))
        for jar in jars
    ]
    LOCK_PATH.write_text("\n".join([_HEADER, *entries]))


if __name__ == "__main__":
    write_lock()
