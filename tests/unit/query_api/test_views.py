"""What is served of documents as MongoDB gives them."""

from datetime import UTC, datetime

import msgspec
from bson.int64 import Int64

from query_api.queries.posts import analysis_view, post_view

#: Beyond 32 bits, where the driver's numbers are of a type of their own.
_FAR = Int64(2**33)


def test_offsets_of_a_long_log_are_served() -> None:
    now = datetime.now(UTC)
    times = dict.fromkeys(("created_at", "received_at", "analyzed_at"), now)
    document = {
        "_id": "an id",
        "partition": 0,
        "offset": _FAR,
        "state": "analyzed",
        "content": "Hello",
        "chunks": 1,
        "analysis": {"num_of_words": 1},
        "analysis_version": 2,
        "approximate": [],
        **times,
    }
    for view in (analysis_view, post_view):
        assert msgspec.json.decode(msgspec.json.encode(view(document)))["revision"] == 2**33
