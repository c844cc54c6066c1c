"""What a text mentions: URLs, hashtags, mentions, cashtags and emoji, counted, listed, and where they stand."""

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest
from itertools import chain
from typing import Any

from stream_processors.analysis.entities import domain
from stream_processors.analysis.keywords import pack, unpack
from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.text import Text

#: Entities that are told with their place, and values of each kind: an answer must not grow with the post.
LISTED = 100
#: Kind -> what its values are called.
_LISTS = {
    "hashtag": "hashtags",
    "mention": "mentions",
    "cashtag": "cashtags",
    "url": "domains",
    "emoji": "emoji",
}


def _analyze(text: Text) -> list[Any]:
    counts: dict[str, Counter[str]] = {}
    for entity in text.entities:
        counts.setdefault(entity.kind, Counter())[_counted(entity.kind, entity.value)] += 1
    first = [
        [text.start + entity.start, text.start + entity.end, entity.kind, entity.value[:LISTED]]
        for entity in text.entities[:LISTED]
    ]
    return [first, {kind: pack(found) for kind, found in sorted(counts.items())}]


def _counted(kind: str, value: str) -> str:
    if kind == "url":
        return domain(value) or value
    return value if kind == "emoji" else value.casefold()


def _merge(partials: Sequence[list[Any]]) -> list[Any]:
    first = nsmallest(LISTED, chain.from_iterable(partial[0] for partial in partials))
    counts: dict[str, Counter[str]] = {}
    for partial in partials:
        for kind, packed in partial[1].items():
            counts.setdefault(kind, Counter()).update(unpack(packed))
    return [first, {kind: pack(found) for kind, found in sorted(counts.items())}]


def _finish(partial: Partial) -> dict[str, Any]:
    first, packed = partial["mentioned"]
    values: dict[str, Any] = {}
    for kind, name in _LISTS.items():
        counts = unpack(packed[kind]) if kind in packed else {}
        values[f"num_of_{'urls' if kind == 'url' else name}"] = sum(counts.values())
        ordered = sorted(counts.items(), key=lambda found: (-found[1], found[0]))
        values[name] = [value for value, _ in ordered[:LISTED]]
    values["entities"] = [
        {"kind": kind, "start": start, "end": end, "value": value} for start, end, kind, value in first
    ]
    return values


def _values() -> tuple[Value, ...]:
    what = {
        "hashtag": "hashtags, without the sign, without regard to case",
        "mention": "mentioned names, without the sign, without regard to case",
        "cashtag": "cashtags, without the sign, in small letters",
        "url": "domains of the URLs",
        "emoji": "emoji",
    }
    listed = f"the different {{}}, the most frequent first, then alphabetically; at most {LISTED}"
    values: list[Value] = []
    for kind, name in _LISTS.items():
        plural = "urls" if kind == "url" else name
        values.append(Value(f"num_of_{plural}", plural, f"how many {plural} there are; see “Entities”"))
        values.append(Value(name, "list of texts", listed.format(what[kind])))
    values.append(
        Value(
            "entities",
            "list of objects",
            f"the first {LISTED} entities in the order of the text: `kind`, `start` and `end` in code points, "
            f"`value` (at most {LISTED} code points)",
        )
    )
    return tuple(values)


METRIC = Metric(
    name="mentioned",
    values=_values(),
    carries=f"the first {LISTED} entities with their places in the whole text; counts of each kind's values",
    rule=f"the first {LISTED} by place; sums",
    analyze=_analyze,
    merge=_merge,
    finish=_finish,
)
