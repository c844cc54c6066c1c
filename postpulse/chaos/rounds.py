"""Rounds of chaos: load, a fault, and the judgement, again and again on one cluster."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from postpulse.chaos.cluster import Cluster
from postpulse.chaos.faults import Fault
from postpulse.chaos.judge import Judge
from postpulse.chaos.load import Load

#: Of load, before a fault and after it is over.
_CALM_SECONDS = 2.0
_READY_SECONDS = 90.0
#: For posts that were sent last, of which some are tried again and again.
_ACKNOWLEDGE_SECONDS = 45.0


class NotReadyError(Exception):
    """The cluster was not whole before anything was done to it; the message says what was missing."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round saw.

    Attributes:
        number: from 1.
        fault: its name.
        whom: it hit.
        effect: what was seen of it; None where nothing was, and the round has proved nothing.
        posts, deleted: acknowledged in all rounds so far, and of these deleted again.
        refused: requests that had to be made again, in this round.
        slowest: seconds until the slowest 2xx of this round.
        seconds: from the end of the load until everything was right; None where it was not.
        problems: what was wrong still; empty where nothing was.
    """

    number: int
    fault: str
    whom: str
    effect: str | None
    posts: int
    deleted: int
    refused: int
    slowest: float
    seconds: float | None
    problems: list[str]

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def verdict(self) -> str:
        """`right`, `no effect` where nothing was wrong because nothing was hurt, or what was wrong."""
        return "; ".join(self.problems) or ("right" if self.effect is not None else "no effect")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        faults: to choose from.
        rounds: how many; with as many as there are faults or fewer, each is another one.
        seed: of every choice, so that a run is repeatable as far as processes are.
        per_second: posts of the load.
        recovery_seconds: in which everything must be right after the load has ended.
    """

    faults: Sequence[Fault]
    rounds: int
    seed: int
    per_second: float = 50.0
    recovery_seconds: float = 30.0


def run(
    plan: Plan,
    data_dir: Path,
    say: Callable[[str], None],
    on_round: Callable[[Round], None],
    apis: int = 2,
    workers: int = 2,
) -> list[Round]:
    """Start a cluster, do all rounds, end it.

    Args:
        data_dir: for the cluster's data and logs; empty.
        say: told of deaths and restarts.
        on_round: told of each round when it is over.

    Raises:
        EmbeddedError: the servers cannot run here.
        NotReadyError: the cluster does not become ready.
    """
    cluster = Cluster(data_dir, apis, workers, say)
    try:
        cluster.start()
        return asyncio.run(_rounds(plan, cluster, on_round))
    finally:
        cluster.stop()


async def _rounds(plan: Plan, cluster: Cluster, on_round: Callable[[Round], None]) -> list[Round]:
    rng = random.Random(plan.seed)  # noqa: S311 -- repeatable, not secret
    judge = Judge(cluster.settings, cluster.addresses)
    done: list[Round] = []
    try:
        ready = await judge.until_ready(_READY_SECONDS)
        if ready.problems:
            raise NotReadyError("; ".join(ready.problems))
        load = Load(cluster.addresses, plan.per_second, rng)
        for number, fault in enumerate(_choices(plan, rng), 1):
            done.append(await _round(number, fault, plan, cluster, load, judge, rng))
            on_round(done[-1])
            if not done[-1].passed:
                # What is wrong now would be wrong in every round after.
                break
    finally:
        await judge.close()
    return done


def _choices(plan: Plan, rng: random.Random) -> list[Fault]:
    chosen: list[Fault] = []
    while len(chosen) < plan.rounds:
        chosen += rng.sample(plan.faults, min(len(plan.faults), plan.rounds - len(chosen)))
    return chosen


async def _round(
    number: int, fault: Fault, plan: Plan, cluster: Cluster, load: Load, judge: Judge, rng: random.Random
) -> Round:
    refused = load.refused
    load.slowest = 0.0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        load.start(session)
        await asyncio.sleep(_CALM_SECONDS)
        hit = await fault.hurt(cluster, load, rng)
        await asyncio.sleep(_CALM_SECONDS)
        left = await load.stop(_ACKNOWLEDGE_SECONDS)
    verdict = await judge.judge(load, plan.recovery_seconds)
    problems = [f"{left} posts were not acknowledged within {_ACKNOWLEDGE_SECONDS:g} s"] if left else []
    if cluster.failure is not None:
        problems.append(str(cluster.failure))
    return Round(
        number,
        fault.name,
        hit.whom,
        hit.effect,
        len(load.acknowledged) + len(load.deleted),
        len(load.deleted),
        load.refused - refused,
        load.slowest,
        verdict.seconds,
        problems + verdict.problems,
    )
