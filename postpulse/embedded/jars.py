"""The broker's jars, in a cache of the user's: fetched once, each checked against `kafka.lock.toml`."""

import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.kafka_lock import KAFKA_VERSION, LOCK_PATH
from postpulse.locks import hold_file

#: Called with (jars done, jars in all, name of the jar just done).
Progress = Callable[[int, int, str], None]
_PARALLEL_DOWNLOADS = 8


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


@cache
def locked_jars() -> tuple[Jar, ...]:
    """Every jar that the broker needs."""
    entries = tomllib.loads(LOCK_PATH.read_text())["dependencies"]
    return tuple(
        Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"]) for entry in entries
    )


def cache_folder() -> Path:
    """Where the jars of this lock are, or will be: one folder a lock, whole or not there at all."""
    digest = hashlib.sha256(LOCK_PATH.read_bytes()).hexdigest()[:12]
    return platformdirs.user_cache_path("postpulse") / f"kafka-{KAFKA_VERSION}-{digest}"


def jars_are_cached() -> bool:
    """Whether a start needs no network."""
    folder = cache_folder()
    return all(_is_intact(folder / jar.file_name, jar) for jar in locked_jars())


def provide_jars(progress: Progress | None = None) -> list[Path]:
    """The paths of all jars, fetched first where the cache does not hold them.

    Args:
        progress: told of every jar as it arrives; not called when all of them are in the cache.

    Raises:
        EmbeddedError: a jar cannot be fetched, is not the one of the lock, or the cache cannot be written.
    """
    folder = cache_folder()
    if not jars_are_cached():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with hold_file(folder.with_name(f"{folder.name}.lock")):
                # Another process may have fetched them while this one waited.
                if not jars_are_cached():
                    _fill(folder, progress or (lambda *_: None))
        except OSError as exc:
            raise EmbeddedError(
                f"Kafka's jars cannot be kept in {folder.parent}: {exc.strerror or exc}. Make that folder"
                " writable, or set XDG_CACHE_HOME to another one."
            ) from exc
    return [folder / jar.file_name for jar in locked_jars()]


def _fill(folder: Path, progress: Progress) -> None:
    jars = locked_jars()
    for left_behind in folder.parent.glob(".fetching-*"):  # by a start that was killed; the lock is ours
        shutil.rmtree(left_behind, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as name:
        made = Path(name, "jars")
        made.mkdir()
        artifacts = _artifacts(Path(name, "repository"))
        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
            fetching = {pool.submit(_fetch, artifacts[jar], jar, made): jar for jar in jars}
            try:
                for done, future in enumerate(as_completed(fetching), start=1):
                    future.result()
                    progress(done, len(jars), fetching[future].file_name)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        # What is there is broken, or this would not run; a broker that uses it holds its files open.
        if folder.exists():
            folder.rename(Path(name, "broken"))
        made.rename(folder)


def _artifacts(repository: Path) -> dict[Jar, Any]:
    """jgo's handle on each jar. Repositories of the user's own jgo configuration are asked as well."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ImportError:
        raise EmbeddedError(
            'Kafka\'s jars are fetched with the package jgo: `pip install "postpulse[embedded]"`.'
        ) from None
    context = MavenContext(repo_cache=repository, timeout=30)
    context.remote_repos.update(GlobalSettings.load().repositories)
    return {
        jar: context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        for jar in locked_jars()
    }


def _fetch(artifact: Any, jar: Jar, folder: Path) -> None:
    try:
        fetched = Path(artifact.resolve())
    # requests' errors are OSErrors; jgo raises RuntimeError where no repository has the file.
    except (OSError, RuntimeError) as exc:
        raise EmbeddedError(
            f"{jar.file_name} could not be fetched ({type(exc).__name__}). The first start fetches Apache"
            " Kafka, about 40 MB, and needs the network: connect, set HTTPS_PROXY if you are behind a"
            " proxy, and try again; or set POSTPULSE_KAFKA_BOOTSTRAP_SERVERS to a broker of your own."
        ) from exc
    if not _is_intact(fetched, jar):
        raise EmbeddedError(
            f"{jar.file_name} as fetched is not the file that postpulse was built with (its SHA-256 differs)."
            " Try again; if it stays so, something between you and the repository changes files."
        )
    shutil.move(fetched, folder / jar.file_name)


def _is_intact(path: Path, jar: Jar) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False
