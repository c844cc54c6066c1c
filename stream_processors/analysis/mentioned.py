"""What a text mentions: URLs, hashtags, mentions, cashtags and emoji, counted, listed, and where they stand."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from stream_processors.analysis import places
from stream_processors.analysis.counts import pack, unpack
from stream_processors.analysis.entities import domain
from stream_processors.analysis.metric import Metric, Partial, Value
from stream_processors.analysis.places import Place
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
    found = [
        (text.start + entity.start, text.start + entity.end, entity.kind, entity.value)
        for entity in text.entities
    ]
    return _packed(found, {})


def _counted(kind: str, value: str) -> str:
    if kind == "url":
        return domain(value) or value
    return value if kind == "emoji" else value.casefold()


def _packed(found: Sequence[Place], counts: dict[str, Counter[str]]) -> list[Any]:
    """The first with their places; the others, and those counted before, as counts only: no value is told twice."""
    _count(found[LISTED:], counts)
    return [places.pack(found[:LISTED]), {kind: pack(values) for kind, values in sorted(counts.items())}]


def _count(found: Sequence[Place], counts: dict[str, Counter[str]]) -> None:
    for _, _, kind, value in found:
        counts.setdefault(kind, Counter())[_counted(kind, value)] += 1


def _merge(partials: Sequence[list[Any]]) -> list[Any]:
    found = sorted(chain.from_iterable(places.unpack(partial[0]) for partial in partials))
    counts: dict[str, Counter[str]] = {}
    for partial in partials:
        for kind, packed in partial[1].items():
            counts.setdefault(kind, Counter()).update(unpack(packed))
    return _packed(found, counts)


def _finish(partial: Partial) -> dict[str, Any]:
    first, others = partial["mentioned"]
    found = places.unpack(first)
    counts = {kind: Counter(unpack(packed)) for kind, packed in others.items()}
    _count(found, counts)
    values: dict[str, Any] = {}
    for kind, name in _LISTS.items():
        of_kind = counts.get(kind, Counter())
        values[f"num_of_{'urls' if kind == 'url' else name}"] = of_kind.total()
        ordered = sorted(of_kind.items(), key=lambda counted: (-counted[1], counted[0]))
        values[name] = [value for value, _ in ordered[:LISTED]]
    values["entities"] = [
        {"kind": kind, "start": start, "end": end, "value": value[:LISTED]}
        for start, end, kind, value in found
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
    carries=f"the first {LISTED} entities with their places in the whole text; counts of the others' values",
    rule=f"the first {LISTED} by place; sums",
    analyze=_analyze,
    merge=_merge,
    finish=_finish,
)
