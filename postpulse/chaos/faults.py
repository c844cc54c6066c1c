"""What may happen to a cluster; each fault happens, lasts a while, is over, and says what it did."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from postpulse.chaos.cluster import Cluster, Primary, freeze, thaw
from postpulse.chaos.disks import lift_limit, limit_files
from postpulse.chaos.duplicates import tell_pieces_again, tell_posts_again
from postpulse.chaos.load import Load
from postpulse.chaos.witness import led_partitions, seen, settled_members
from postpulse.embedded.child import Child
from postpulse.topics import POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS

#: Longer than servers need to notice, and the session timeout of workers.
_FROZEN_SECONDS = 9.0
#: Longer than a producer waits for an acknowledgement.
_CUT_OFF_SECONDS = 13.0
_SPOOLING_SECONDS = 3.0
_FULL_SECONDS = 5.0
_LOOK_SECONDS = 0.05
#: For partitions to move, or for an election.
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Hit:
    """What a fault did.

    Attributes:
        whom: it was done to.
        effect: what was seen of it, in words; None where nothing was, so that the round proves nothing.
    """

    whom: str
    effect: str | None


_NO_PRIMARY = Hit("MongoDB, without a primary", None)
Hurt = Callable[[Cluster, Load, random.Random], Awaitable[Hit]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault.

    Attributes:
        name: as the command takes it.
        description: what it is, in a few words.
        hurt: does it, and returns what it did when it is over; what was killed is started again by its supervisor.
    """

    name: str
    description: str
    hurt: Hurt


def _kill(children: Sequence[Child], effect: str = "killed") -> Hit:
    """SIGKILL to all of them; without effect unless each has died of it."""
    running = [child.is_running for child in children]
    for child in children:
        child.kill()
    died = all(running) and all(child.exit_code == -signal.SIGKILL for child in children)
    return Hit(_names(children), effect if died else None)


async def _kill_worker(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    return _kill([rng.choice(cluster.workers)])


async def _kill_workers(cluster: Cluster, _: Load, __: random.Random) -> Hit:
    return _kill(cluster.workers)


async def _freeze_worker(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    worker = rng.choice(cluster.workers)
    before = await asyncio.to_thread(settled_members, cluster.settings) or 0

    def gone() -> bool:
        members = settled_members(cluster.settings)
        return members is not None and members < before

    freeze(worker)
    try:
        moved = await seen(gone, _PATIENCE_SECONDS)
    finally:
        thaw(worker)
    return Hit(worker.name, f"its partitions moved after {moved:.1f} s" if moved is not None else None)


async def _kill_api(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    return _kill([rng.choice(cluster.apis)])


async def _kill_broker(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    broker, leads = await _leader(cluster, rng)
    return _kill([broker], f"killed, leader of {leads} partitions")


async def _freeze_broker(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    broker, leads = await _leader(cluster, rng)
    number = cluster.kafka.children.index(broker) + 1
    freeze(broker)
    try:
        await asyncio.sleep(_FROZEN_SECONDS)
        moved = await seen(lambda: not led_partitions(cluster.settings)[number], _PATIENCE_SECONDS)
    finally:
        thaw(broker)
    return Hit(broker.name, f"{leads} partitions moved to other leaders" if moved is not None else None)


async def _kill_brokers(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    return _kill(rng.sample(cluster.kafka.children, 2))


async def _kill_primary(cluster: Cluster, _: Load, __: random.Random) -> Hit:
    before = await asyncio.to_thread(cluster.primary)
    if before is None:
        return _NO_PRIMARY
    hit = _kill([before.child])
    return Hit(hit.whom, hit.effect and await _elected(cluster, before))


async def _freeze_primary(cluster: Cluster, _: Load, __: random.Random) -> Hit:
    before = await asyncio.to_thread(cluster.primary)
    if before is None:
        return _NO_PRIMARY
    freeze(before.child)
    try:
        await asyncio.sleep(_FROZEN_SECONDS)
        effect = await _elected(cluster, before)
    finally:
        thaw(before.child)
    return Hit(before.child.name, effect)


async def _cut_off_broker(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    broker, leads = await _leader(cluster, rng)
    ports = [cluster.relayed_port(broker)]
    before = cluster.relays.accepted(ports)
    held = cluster.relays.hold(ports)
    try:
        await asyncio.sleep(_CUT_OFF_SECONDS)
        vain = cluster.relays.accepted(ports) - before
    finally:
        how = _heal(cluster, ports, rng)
    effect = f"leader of {leads} partitions, {held} connections held, {vain} tried in vain"
    return Hit(f"{broker.name} ({how})", effect if held and vain else None)


async def _cut_off_primary(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    before = await asyncio.to_thread(cluster.primary)
    if before is None:
        return _NO_PRIMARY
    ports = [cluster.relayed_port(before.child)]
    cluster.relays.hold(ports)
    try:
        await asyncio.sleep(_FROZEN_SECONDS)
        effect = await _elected(cluster, before)
    finally:
        how = _heal(cluster, ports, rng)
    return Hit(f"{before.child.name} ({how})", effect)


async def _cut_off_members(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    ports = [cluster.relayed_port(member) for member in cluster.mongo.children]
    cluster.relays.hold(ports)
    try:
        await asyncio.sleep(_FROZEN_SECONDS)
        gone = await seen(lambda: cluster.primary() is None, _PATIENCE_SECONDS)
    finally:
        how = _heal(cluster, ports, rng)
    return Hit(f"all members ({how})", "no primary any more" if gone is not None else None)


async def _fill_spools(cluster: Cluster, load: Load, rng: random.Random) -> Hit:
    """The log is away, so that the APIs spool, and then they cannot: until there is room, or the log is back."""
    brokers = [cluster.relayed_port(broker) for broker in cluster.kafka.children]
    # None at all; or so little that short posts fit into a segment and long ones, or many, are cut off.
    sizes = {api: rng.choice((0, 8192)) for api in cluster.apis}
    room_first = rng.random() < 0.5
    cluster.relays.refuse(brokers)
    try:
        await asyncio.sleep(_SPOOLING_SECONDS)
        limited = [limit_files(api, size) for api, size in sizes.items()]
        refused = load.refused
        await asyncio.sleep(_FULL_SECONDS)
        refused = load.refused - refused
        if room_first:
            for api in cluster.apis:
                lift_limit(api)
        else:
            cluster.relays.heal(brokers, reset=False)
        await asyncio.sleep(_SPOOLING_SECONDS)
    finally:
        for api in cluster.apis:
            lift_limit(api)
        cluster.relays.heal(brokers, reset=False)
    whom = ", ".join(f"{api.name} at {size} B" for api, size in sizes.items())
    then = "room first" if room_first else "brokers back first"
    return Hit(f"{whom}, {then}", f"{refused} requests refused" if all(limited) and refused else None)


async def _fill_broker(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    broker, leads = await _leader(cluster, rng)
    died = await _filled(broker)
    return Hit(broker.name, died and f"{died}, leader of {leads} partitions")


async def _fill_primary(cluster: Cluster, _: Load, __: random.Random) -> Hit:
    before = await asyncio.to_thread(cluster.primary)
    if before is None:
        return _NO_PRIMARY
    died = await _filled(before.child)
    elected = await _elected(cluster, before)
    return Hit(before.child.name, f"{died}, {elected}" if died and elected else None)


async def _filled(server: Child) -> str | None:
    """For a while a server, and whatever is started in its place, can write nothing: how it ended, if it did."""
    ending = None
    until = time.monotonic() + _FULL_SECONDS
    try:
        while time.monotonic() < until:
            limit_files(server, 0)
            ending = ending or server.ending
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        lift_limit(server)
    return ending


def _heal(cluster: Cluster, ports: Sequence[int], rng: random.Random) -> str:
    """Let what was held back be lost, or come late; says which."""
    reset = rng.random() < 0.5
    cluster.relays.heal(ports, reset)
    return "then reset" if reset else "passed on late"


async def _tell_posts_again(cluster: Cluster, load: Load, rng: random.Random) -> Hit:
    told = await asyncio.to_thread(tell_posts_again, cluster.settings.kafka, sorted(load.settled), rng)
    return Hit(POSTS.name, f"{told} records again" if told else None)


async def _tell_pieces_again(cluster: Cluster, _: Load, rng: random.Random) -> Hit:
    topics = (POST_CHUNKS, POST_CHUNK_ANALYSES)
    told = [await asyncio.to_thread(tell_pieces_again, cluster.settings.kafka, each, rng) for each in topics]
    whom = ", ".join(topic.name for topic in topics)
    return Hit(whom, f"{told[0]} and {told[1]} records again" if all(told) else None)


async def _leader(cluster: Cluster, rng: random.Random) -> tuple[Child, int]:
    """One of the brokers that lead something, and how many partitions: of the others, little depends on them."""
    led = await asyncio.to_thread(led_partitions, cluster.settings)
    number = rng.choice(sorted(led))
    return cluster.kafka.children[number - 1], led[number]


async def _elected(cluster: Cluster, before: Primary) -> str | None:
    """Wait for the next election, and say whose it was; None where there is none."""
    elected: list[Primary] = []

    def another() -> bool:
        now = cluster.primary()
        if now is not None and now.election > before.election:
            elected.append(now)
        return bool(elected)

    took = await seen(another, _PATIENCE_SECONDS)
    return f"{elected[0].child.name} was elected" if took is not None else None


def _names(children: Sequence[Child]) -> str:
    return ", ".join(child.name for child in children)


FAULTS = (
    Fault("worker-killed", "a worker is killed", _kill_worker),
    Fault("workers-killed", "all workers are killed", _kill_workers),
    Fault(
        "worker-frozen", "a worker stands still until its partitions have moved, and wakes", _freeze_worker
    ),
    Fault("api-killed", "an ingest API is killed", _kill_api),
    Fault("broker-killed", "a broker is killed", _kill_broker),
    Fault("broker-frozen", "a broker stands still, and wakes", _freeze_broker),
    Fault("brokers-killed", "two of three brokers are killed: the log is away", _kill_brokers),
    Fault("primary-killed", "MongoDB's primary is killed", _kill_primary),
    Fault("primary-frozen", "MongoDB's primary stands still, and wakes", _freeze_primary),
    Fault("broker-cut-off", "nothing gets through between a broker and the services", _cut_off_broker),
    Fault(
        "primary-cut-off", "nothing gets through to MongoDB's primary, from members either", _cut_off_primary
    ),
    Fault("database-cut-off", "nothing gets through to MongoDB, nor between its members", _cut_off_members),
    Fault("spools-full", "no broker can be reached, and no API can write its spool", _fill_spools),
    Fault("broker-disk-full", "a broker cannot write its files", _fill_broker),
    Fault("primary-disk-full", "MongoDB's primary cannot write its files", _fill_primary),
    Fault("duplicates", "a fifth of posts.v1 is there a second time, in another order", _tell_posts_again),
    Fault(
        "pieces-again",
        "chunks and partial results are there a second time, in another order",
        _tell_pieces_again,
    ),
)
