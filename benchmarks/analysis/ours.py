"""This project's analysis of each post.

Called with a JSON file of posts and a number of passes; prints one JSON object.
"""

import json
import sys
from pathlib import Path

from benchmarks.analysis.clock import WARM_UP, best, timed
from stream_processors.analysis import analyze, finish
from stream_processors.analysis.registry import METRICS
from stream_processors.analysis.text import Text


def main(path: str, passes: int) -> None:
    posts: list[str] = json.loads(Path(path).read_text("utf-8"))
    for post in posts[:WARM_UP]:
        analyze(post)
    parts: dict[str, float] = {}
    parts["segmentation and entities"], texts = timed(Text, posts)
    columns = []
    for metric in METRICS:
        parts[metric.name], answers = timed(metric.analyze, texts)
        columns.append(answers)
    names = [metric.name for metric in METRICS]
    partials = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    parts["finish"], values = timed(finish, partials)
    result = {
        "parts": parts,
        "microseconds": best(analyze, posts, passes),
        "sentiment": [value["sentiment"] for value in values],
        "language": [value["language"] for value in values],
    }
    sys.stdout.write(json.dumps(result))


main(sys.argv[1], int(sys.argv[2]))
