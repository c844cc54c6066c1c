"""One long post beside as much text in short ones: the analysis must not become slower with the length.

Called with a JSON file of one text; prints one JSON object: processor time in seconds, the best of three.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stream_processors.analysis import analyze, analyze_chunk, finish, merge, split

#: As the pipeline splits by default, and the length of a short post, both in characters.
CHUNK, SHORT = 16_384, 10_000
_TIMES = 3


def main(path: str) -> None:
    text: str = json.loads(Path(path).read_text("utf-8"))
    short = [text[start : start + SHORT] for start in range(0, len(text), SHORT)]

    def pieces() -> None:
        for post in short:
            analyze(post)

    def chunked() -> None:
        finish(merge([analyze_chunk(chunk.text, chunk.start) for chunk in split(text, CHUNK)]))

    def whole() -> None:
        analyze(text)

    pieces()
    contestants: dict[str, Callable[[], None]] = {"short": pieces, "chunked": chunked, "whole": whole}
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(_TIMES):
        for name, run in contestants.items():
            began = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - began)
    sys.stdout.write(json.dumps(best))


main(sys.argv[1])
