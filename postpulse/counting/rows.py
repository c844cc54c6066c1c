"""What is counted, read: counters and the deltas that are not folded into them yet, as rows of one kind."""

from typing import get_args

from postpulse.collections import Document
from postpulse.counting.dimensions import Dimension, Unit

#: All granularities that are asked for: the index has them before the time.
_UNITS = list(get_args(Unit))


def counter_rows(
    deltas: str, dimension: Dimension, buckets: Document | None = None, value: str | None = None
) -> list[Document]:
    """The first stages of an aggregation over a generation's counters.

    Args:
        deltas: the collection of deltas of the same generation.
        dimension: whose rows are wanted.
        buckets: a condition on the time of the bucket; None takes all times.
        value: only rows of this one.

    Returns:
        Stages that give documents with `bucket`, `value` and amounts; of ranks, with `bucket` and `registers`.
    """
    name = dimension.name
    time: Document = {} if buckets is None else {"bucket": buckets}
    kept: Document = {"dimension": name, "granularity": {"$in": _UNITS}, **time}
    if dimension.ranks:
        listed: list[Document] = [
            {"$match": {name: {"$exists": True}, **time}},
            {"$project": {"bucket": 1, "registers": f"${name}"}},
        ]
    else:
        listed = [
            {"$match": time},
            {"$unwind": f"${name}"},
            {"$replaceWith": {"$mergeObjects": [{"bucket": "$bucket"}, f"${name}"]}},
        ]
    if value is not None:
        kept["value"] = value
        listed.append({"$match": {"value": value}})
    return [{"$match": kept}, {"$unionWith": {"coll": deltas, "pipeline": listed}}]
