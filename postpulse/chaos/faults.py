"""What may happen to a cluster; each fault happens, lasts a while, and is over."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from postpulse.chaos.cluster import Cluster, freeze, thaw
from postpulse.chaos.duplicates import tell_again
from postpulse.chaos.load import Load
from postpulse.embedded.child import Child

#: Longer than the session timeout of the workers: their partitions have moved when they wake.
_FROZEN_SECONDS = 9.0

Hurt = Callable[[Cluster, Load, random.Random], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault.

    Attributes:
        name: as the command takes it.
        description: what it is, in a few words.
        hurt: does it, and returns to whom, when it is over; what was killed is started again by its supervisor.
    """

    name: str
    description: str
    hurt: Hurt


def _kill(*children: Child) -> str:
    for child in children:
        child.kill()
    return ", ".join(child.name for child in children)


async def _frozen(child: Child) -> str:
    freeze(child)
    try:
        await asyncio.sleep(_FROZEN_SECONDS)
    finally:
        thaw(child)
    return child.name


async def _kill_worker(cluster: Cluster, _: Load, rng: random.Random) -> str:
    return _kill(rng.choice(cluster.workers))


async def _kill_workers(cluster: Cluster, _: Load, __: random.Random) -> str:
    return _kill(*cluster.workers)


async def _freeze_worker(cluster: Cluster, _: Load, rng: random.Random) -> str:
    return await _frozen(rng.choice(cluster.workers))


async def _kill_api(cluster: Cluster, _: Load, rng: random.Random) -> str:
    return _kill(rng.choice(cluster.apis))


async def _kill_broker(cluster: Cluster, _: Load, rng: random.Random) -> str:
    return _kill(rng.choice(cluster.kafka.children))


async def _freeze_broker(cluster: Cluster, _: Load, rng: random.Random) -> str:
    return await _frozen(rng.choice(cluster.kafka.children))


async def _kill_brokers(cluster: Cluster, _: Load, rng: random.Random) -> str:
    return _kill(*rng.sample(cluster.kafka.children, 2))


async def _kill_primary(cluster: Cluster, _: Load, __: random.Random) -> str:
    return _kill(await asyncio.to_thread(cluster.primary))


async def _freeze_primary(cluster: Cluster, _: Load, __: random.Random) -> str:
    return await _frozen(await asyncio.to_thread(cluster.primary))


async def _tell_again(cluster: Cluster, load: Load, rng: random.Random) -> str:
    told = await asyncio.to_thread(tell_again, cluster.settings.kafka, sorted(load.settled), rng)
    return f"{told} records of posts.v1"


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
    Fault("duplicates", "records of posts.v1 are there a second time, in another order", _tell_again),
)
