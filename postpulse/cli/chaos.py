"""`postpulse chaos`: kill parts of a cluster under load, and count whether anything was lost or done twice."""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from postpulse.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from postpulse.chaos.rounds import Round

_COLUMNS = (
    "#round",
    "fault",
    "hit",
    "effect",
    "#posts",
    "#deleted",
    "#refused",
    "#slowest",
    "#right after",
    "verdict",
)


@click.command("chaos")
@click.option("--rounds", type=click.IntRange(1, 10_000), help="How many; by default one of each fault.")
@click.option("--fault", "names", multiple=True, help="Only this one; may be given several times.")
@click.option("--seed", type=int, help="Of every choice; a run says which one it had.")
@click.option(
    "--rate", type=click.FloatRange(1, 1000), default=50.0, show_default=True, help="Posts a second."
)
@click.option("--workers", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--apis", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--list", "list_faults", is_flag=True, help="Say which faults there are, and do nothing.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the rounds here, as JSON."
)
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Directory for data and logs, kept."
)
@click.option("--json", "as_json", is_flag=True, help="Print the rounds as JSON.")
def command(
    rounds: int | None,
    names: tuple[str, ...],
    seed: int | None,
    rate: float,
    workers: int,
    apis: int,
    list_faults: bool,
    report: Path | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Start a cluster of its own on this machine (three brokers, three members of MongoDB, ingest APIs, workers),
    send posts to it, and do one fault a round. After each, everything acknowledged must be analyzed once and
    counted once, against a count of its own, and all must be whole again within 30 s. A round whose fault had no
    effect that could be seen proves nothing: its verdict is "no effect".

    It takes about 3 GB of memory, and is for machines that do nothing else meanwhile. Nothing outside of its own
    processes is touched.

    \b
    Exit codes:
      0  nothing was lost, nothing was done twice, and every fault had an effect
      1  something was, or the cluster could not be started; the first round that fails ends the run
      2  wrong usage
      3  nothing was lost or done twice, but a fault had no effect

    \b
    Examples:
      postpulse chaos
      postpulse chaos --fault worker-killed --fault primary-killed
      postpulse chaos --rounds 100 --seed 7 --report chaos.json
    """
    from postpulse.chaos.faults import FAULTS
    from postpulse.chaos.rounds import NotReadyError, Plan, run
    from postpulse.embedded.errors import EmbeddedError

    if list_faults:
        print_table(("fault", "what happens"), [(fault.name, fault.description) for fault in FAULTS])
        return
    known = {fault.name: fault for fault in FAULTS}
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no fault {name!r}; there are {', '.join(known)}")
    faults = [known[name] for name in names] or list(FAULTS)
    seed = random.randrange(1_000_000) if seed is None else seed  # noqa: S311 -- not secret
    plan = Plan(faults, rounds or len(faults), seed, per_second=rate)
    click.echo(f"{plan.rounds} rounds, seed {seed}", err=True)

    def said(done: "Round") -> None:
        did = f"{done.whom}: {done.effect}" if done.effect is not None else done.whom
        click.echo(f"round {done.number}: {done.fault} ({did}): {done.verdict}", err=True)

    try:
        with tempfile.TemporaryDirectory(prefix="postpulse-chaos-") as scratch:
            done = run(plan, keep or Path(scratch), lambda _: None, said, apis, workers)
    except (EmbeddedError, NotReadyError) as exc:
        raise click.ClickException(str(exc)) from None
    as_documents = [_document(each) for each in done]
    if report is not None:
        from postpulse.embedded.state import write_json

        write_json(report, {"seed": seed, "rounds": as_documents})
    if as_json:
        print_json({"seed": seed, "rounds": as_documents})
    else:
        print_table(_COLUMNS, [_row(each) for each in done])
    raise SystemExit(exit_code(done))


def exit_code(done: "Sequence[Round]") -> int:
    """Of the command: 1 where something was wrong, 3 where a fault had no effect."""
    if not all(each.passed for each in done):
        return 1
    return 0 if all(each.effect is not None for each in done) else 3


def _row(done: "Round") -> tuple[object, ...]:
    return (
        done.number,
        done.fault,
        done.whom,
        done.effect,
        done.posts,
        done.deleted,
        done.refused,
        f"{done.slowest:.1f} s",
        f"{done.seconds:.1f} s" if done.seconds is not None else None,
        done.verdict,
    )


def _document(done: "Round") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(done), "verdict": done.verdict}
