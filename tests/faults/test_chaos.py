"""A cluster of three brokers and three members of MongoDB is hurt under load: nothing is lost, nothing twice."""

import random
from pathlib import Path

import pytest

from postpulse.chaos.cluster import Cluster
from postpulse.chaos.faults import FAULTS, Fault, Hit
from postpulse.chaos.judge import Judge
from postpulse.chaos.load import Load, Sent
from postpulse.chaos.rounds import Plan, Round, run
from postpulse.cli.chaos import exit_code
from postpulse.topics import POSTS
from tests.pipeline import Pipeline

_FAULTS = (
    *("workers-killed", "worker-frozen", "api-killed", "broker-cut-off", "primary-cut-off", "spools-full"),
    *("duplicates", "pieces-again"),
)


async def _miss(_: Cluster, __: Load, ___: random.Random) -> Hit:
    return Hit("nobody", None)


@pytest.mark.timeout(300)
def test_whatever_dies_everything_acknowledged_is_counted_once(tmp_path: Path) -> None:
    faults = [fault for fault in FAULTS if fault.name in _FAULTS]
    faults.append(Fault("nothing", "nothing happens to anybody", _miss))
    told: list[Round] = []
    done = run(Plan(faults, len(faults), seed=1), tmp_path, lambda _: None, told.append)
    assert {each.fault: each.verdict for each in done} == {
        **dict.fromkeys(_FAULTS, "right"),
        "nothing": "no effect",
    }
    assert told == done
    assert exit_code(done) == 3
    assert exit_code([each for each in done if each.fault != "nothing"]) == 0
    assert done[-1].posts > 500
    assert done[-1].deleted


@pytest.fixture
def judged(pipeline: Pipeline) -> Load:
    """Posts whose effects are there, as a load would remember them."""
    load = Load([], 1, random.Random(1))
    kept, deleted = pipeline.post("one two three", author="ada"), pipeline.post("gone")
    pipeline.send(kept, deleted)
    pipeline.send_raw(POSTS, deleted.post_id.encode(), None)
    pipeline.flush()
    load.acknowledged[kept.post_id] = Sent("ada", 3, 13)
    load.deleted.add(deleted.post_id)
    pipeline.start_worker()
    return load


async def test_the_judge_sees_what_is_right_and_what_is_not(pipeline: Pipeline, judged: Load) -> None:
    judge = Judge(pipeline.settings, [])

    async def seen() -> str:
        return "\n".join((await judge.judge(judged, 0)).problems)

    assert (await judge.judge(judged, 30)).problems == []
    (kept,), (deleted,) = judged.acknowledged, judged.deleted
    judged.acknowledged["unheard of"] = judged.acknowledged[kept]
    assert "unheard of (lost)" in await seen()
    del judged.acknowledged["unheard of"]
    pipeline.database.counters.update_one({"dimension": "volume"}, {"$inc": {"words": 1}})
    assert "should be" in await seen()
    pipeline.database.counters.update_one({"dimension": "volume"}, {"$inc": {"words": -1}})
    pipeline.database.chunk_results.insert_one({"_id": "left"})
    assert "1 partial results are left over" in await seen()
    pipeline.database.chunk_results.delete_one({"_id": "left"})
    pipeline.database.posts.update_one({"_id": deleted}, {"$set": {"state": "analyzed"}})
    assert f"{deleted} (analyzed)" in await seen()
    pipeline.database.posts.update_one({"_id": deleted}, {"$set": {"state": "deleted"}})
    pipeline.database.posts.insert_one({"_id": "another", "state": "analyzed"})
    assert "nobody was told of: ['another']" in await seen()
    pipeline.database.posts.delete_one({"_id": "another"})
    assert await seen() == ""
    pipeline.stop(pipeline.workers[0])
    assert "the group of workers is EMPTY" in await seen()
    await judge.close()
