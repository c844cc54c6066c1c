"""What is counted, read: counters and the deltas that are not folded into them yet, as rows of one kind."""

from postpulse.collections import Document

#: The one dimension that has registers (of HyperLogLog) in the place of amounts.
REGISTERS = "authors"


def counter_rows(
    deltas: str, dimension: str, buckets: Document | None = None, value: str | None = None
) -> list[Document]:
    """The first stages of an aggregation over a generation's counters.

    Args:
        deltas: the collection of deltas of the same generation.
        dimension: whose rows are wanted.
        buckets: a condition on the time of the bucket; None takes all times.
        value: only rows of this one.

    Returns:
        Stages that give documents with `bucket`, `value` and amounts; those of `REGISTERS` have `registers`.
    """
    time: Document = {} if buckets is None else {"bucket": buckets}
    # All granularities there are: the index has them before the time.
    kept: Document = {"dimension": dimension, "granularity": {"$in": ["minute", "hour", "day"]}, **time}
    if dimension == REGISTERS:
        listed: list[Document] = [
            {"$match": {dimension: {"$exists": True}, **time}},
            {"$project": {"bucket": 1, "registers": f"${dimension}"}},
        ]
    else:
        listed = [
            {"$match": time},
            {"$unwind": f"${dimension}"},
            {"$replaceWith": {"$mergeObjects": [{"bucket": "$bucket"}, f"${dimension}"]}},
        ]
    if value is not None:
        kept["value"] = value
        listed.append({"$match": {"value": value}})
    return [{"$match": kept}, {"$unionWith": {"coll": deltas, "pipeline": listed}}]
