"""Replays, asked for and looked at as the query API does."""

from typing import Any

from postpulse.replays import new_replay
from tests.pipeline import Document, Pipeline


def ask(pipeline: Pipeline, selection: Document | None = None, **more: Any) -> str:
    """Ask for a replay, of all by default, as the API does."""
    replay = new_replay(selection or {"all": True}, **more)
    pipeline.database.replays.insert_one(replay)
    return str(replay["_id"])


def find(pipeline: Pipeline, replay: str) -> Document:
    found = pipeline.database.replays.find_one({"_id": replay})
    assert found is not None
    return found


def wait_over(pipeline: Pipeline, replay: str, state: str = "done") -> Document:
    pipeline.wait_for(
        "the end of a replay", lambda: find(pipeline, replay)["state"] not in ("waiting", "running")
    )
    found = find(pipeline, replay)
    assert found["state"] == state, found
    return found


def effects(pipeline: Pipeline, replay: str) -> Document:
    """What the agents counted, summed over lanes."""
    sums = dict.fromkeys(("looked_at", "changed", "unchanged", "failed"), 0)
    for kept in pipeline.database.replay_effects.find({"replay": replay}):
        for name in sums:
            sums[name] += kept.get(name, 0)
    return sums
