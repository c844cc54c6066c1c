"""Records as aiokafka delivers them."""

from collections.abc import Sequence
from typing import cast

from aiokafka.structs import ConsumerRecord

from stream_processors.runtime.batches import Record


def record(
    offset: int,
    value: bytes | None = b"",
    key: bytes | None = None,
    topic: str = "posts.v1",
    partition: int = 0,
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> Record:
    made = ConsumerRecord(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=1_767_323_045_000,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key or b""),
        serialized_value_size=len(value or b""),
        headers=tuple(headers),
    )
    return cast(Record, made)
