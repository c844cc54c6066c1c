"""Records that no service of ours sends, made at random but repeatably, and a judge of them of the tests' own.

Each kind of harm takes the JSON of a valid event and the key that goes with it, and returns what is sent instead.
Some harm leaves a valid event (a flipped bit in a text, a changed number): `is_valid` says which.
"""

import base64
import binascii
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as producer_module
from aiokafka.record import default_records

from postpulse import events
from postpulse.dead_letters import ATTEMPT, FAILURES, REDRIVEN_FROM
from postpulse.events import Chunk, ChunkAnalysis, DeadLetter, Origin, Place, Post
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, Topic
from stream_processors import analysis
from tests.pipeline import Pipeline

Headers = list[tuple[str, bytes | None]]
#: Milliseconds of the years 1 to 9999.
_TIMES = range(-62_135_596_800_000, 253_402_300_800_000)
_INT64 = range(-(2**63), 2**63)
_COUNTS = range(2**63)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_POST_ID = re.compile(r"[0-9A-Z]{32}")
_PARTIAL = analysis.analyze_chunk("Some words, #tagged by @somebody.")


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as it is sent."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def records(topic: Topic, count: int, seed: int) -> Iterator[Sent]:
    """So many records, the same for the same seed."""
    pick = random.Random(f"{topic.name}/{seed}")
    for n in range(count):
        key, value = _HARMS[pick.randrange(len(_HARMS))](pick, *_valid(topic, pick, n))
        if key is None and "compact" in topic.cleanup:
            # The broker itself refuses those there.
            key = b""
        yield Sent(key, value, _headers(pick))


def is_valid(topic: Topic, key: bytes | None, value: bytes | None) -> bool | None:
    """Whether a record is what its topic carries, as the documentation has it.

    None where it depends on how strictly one reads what is to be ignored: all else is right, and there is a text
    in it that is no Unicode.
    """
    if value is None:
        if topic is POSTS:
            return _is_post_id((key or b"").decode("latin-1"))
        return topic is DEAD_LETTERS and _is_utf8(key or b"")
    try:
        text = value.decode(errors="replace")
        event = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    if not isinstance(event, dict):
        return False
    if event.get("schema_version", 1) != 1 or type(event.get("schema_version", 1)) is not int:
        return False
    try:
        valid = _FORMS[topic](key, event)
        strict = text.encode() == value and _is_text(json.dumps(event, ensure_ascii=False))
        return valid if strict or not valid else None
    except KeyError:
        return False


class _Name(str):
    """Sent as bytes that are no UTF-8."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def send_with_header_name(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, topic: Topic, key: str, value: bytes
) -> None:
    """A record with a header whose name is no UTF-8, which most clients would not send."""
    for module in (message_accumulator, producer_module):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", default_records._DefaultRecordBatchBuilderPy)
    producer = AIOKafkaProducer(bootstrap_servers=pipeline.settings.kafka.bootstrap_servers)
    await producer.start()
    try:
        await producer.send_and_wait(pipeline.topic(topic), value, key.encode(), headers=[(_Name("x"), b"x")])
    finally:
        await producer.stop()


# What is valid.


def _valid(topic: Topic, pick: random.Random, n: int) -> tuple[bytes, bytes]:
    post_id = "".join(pick.choices(_ALPHABET, k=32))
    if topic is POSTS:
        post = Post(
            post_id=post_id,
            content=f"Number {n} #of many",
            received_at=1_767_323_045_000,
            created_at=1_767_323_045_000,
            author="ada",
            tags=("a", "b"),
        )
        return post_id.encode(), msgspec.json.encode(post)
    if topic is POST_CHUNKS:
        chunk = Chunk(post_id=post_id, place=Place(0, n), index=1, count=3, text=f"Chunk {n}.", start=7)
        return f"{post_id}:1".encode(), msgspec.json.encode(chunk)
    if topic is POST_CHUNK_ANALYSES:
        result = ChunkAnalysis(
            post_id=post_id,
            place=Place(0, n),
            index=1,
            count=3,
            analysis_version=analysis.ANALYSIS_VERSION,
            partial=_PARTIAL,
        )
        return post_id.encode(), msgspec.json.encode(result)
    letter = DeadLetter(
        origin=Origin("elsewhere", 0, n),
        stage="ingest",
        reason="it broke",
        error_class="ValueError",
        attempt=1,
        dead_at=1_767_323_045_000,
        key=post_id.encode(),
        value=b"{broken",
        headers=[("trace", b"\xff")],
    )
    return f"elsewhere/0/{n}".encode(), events.encode(letter)


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_post_id(text: object) -> bool:
    return isinstance(text, str) and _POST_ID.fullmatch(text) is not None


def _is_int(value: object, within: range = _INT64) -> bool:
    return type(value) is int and value in within


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 2 and all(_is_int(part, _COUNTS) for part in value[:2])


def _optional(event: dict[str, Any], *names: str) -> bool:
    return all(event.get(name) is None or isinstance(event[name], str) for name in names)


def _is_post(key: bytes | None, event: dict[str, Any]) -> bool:
    tags = event.get("tags", [])
    return (
        _is_post_id(event["post_id"])
        and key == event["post_id"].encode()
        and isinstance(event["content"], str)
        and _is_int(event["received_at"], _TIMES)
        and _is_int(event["created_at"], _TIMES)
        and _optional(event, "author", "lang", "source")
        and isinstance(tags, list)
        and all(isinstance(tag, str) for tag in tags)
    )


def _is_chunk(_: bytes | None, event: dict[str, Any]) -> bool:
    return (
        _is_post_id(event["post_id"])
        and _is_place(event["place"])
        and _is_int(event["count"])
        and _is_int(event["index"], range(event["count"]))
        and isinstance(event["text"], str)
        and _is_int(event.get("start", 0), _COUNTS)
        and isinstance(event.get("exact", True), bool)
    )


def _is_result(_: bytes | None, event: dict[str, Any]) -> bool:
    return (
        _is_post_id(event["post_id"])
        and _is_place(event["place"])
        and _is_int(event["count"])
        and _is_int(event["index"], range(event["count"]))
        and _is_int(event["analysis_version"])
        and _is_int(event.get("took_us", 0), range(2**53))
        and isinstance(event.get("exact", True), bool)
        and _optional(event, "failed")
        and isinstance(event["partial"], dict)
        and _is_storable(event["partial"])
    )


def _is_storable(value: Any) -> bool:
    """A partial result is whatever an analysis of some version hands on, as far as MongoDB takes it."""
    if isinstance(value, dict):
        return all("\0" not in name and _is_storable(inside) for name, inside in value.items())
    if isinstance(value, list):
        return all(map(_is_storable, value))
    return math.isfinite(value) if isinstance(value, float) else type(value) is not int or value in _INT64


def _is_letter(key: bytes | None, event: dict[str, Any]) -> bool:
    origin = event["origin"]
    if not isinstance(origin, dict) or not isinstance(origin["topic"], str):
        return False
    numbers = (origin["partition"], origin["offset"], event["attempt"])
    if not (
        all(_is_int(number) for number in numbers)
        and (origin.get("timestamp") is None or _is_int(origin["timestamp"]))
        and _is_int(event["dead_at"], _TIMES)
        and all(isinstance(event[name], str) for name in ("stage", "reason", "error_class"))
        and _optional(event, "version")
        and all(_is_base64(event[name]) for name in ("key", "value"))
        and isinstance(event["headers"], list)
    ):
        return False
    for header in event["headers"]:
        if not (isinstance(header, list) and len(header) == 2 and isinstance(header[0], str)):
            return False
        if header[1] is None or not _is_base64(header[1]):
            return False
    named = f"{origin['topic']}/{origin['partition']}/{origin['offset']}"
    there = re.fullmatch(r"[A-Za-z0-9._-]{1,249}/(0|[1-9]\d{0,9})/(0|[1-9]\d{0,18})", named)
    # What follows from another origin (redriven_from, history) is in no valid letter of ours.
    return there is not None and key == named.encode()


def _is_base64(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or not value.isascii():
        return False
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


_FORMS: dict[Topic, Callable[[bytes | None, dict[str, Any]], bool]] = {
    POSTS: _is_post,
    POST_CHUNKS: _is_chunk,
    POST_CHUNK_ANALYSES: _is_result,
    DEAD_LETTERS: _is_letter,
}


# What harms it.

_Record = tuple[bytes | None, bytes | None]


def _random_bytes(pick: random.Random, key: bytes, _: bytes) -> _Record:
    return pick.choice((key, pick.randbytes(pick.randrange(40)))), pick.randbytes(pick.randrange(200))


def _truncated(pick: random.Random, key: bytes, value: bytes) -> _Record:
    return key, value[: pick.randrange(len(value))]


def _flipped(pick: random.Random, key: bytes, value: bytes) -> _Record:
    flipped = bytearray(value)
    for _ in range(pick.randint(1, 6)):
        flipped[pick.randrange(len(flipped))] ^= 1 << pick.randrange(8)
    return key, bytes(flipped)


_WRONG = (
    b"null", b"true", b"[]", b"{}", b'"x"', b'""', b"-1", b"0", b"1.5", b"1e2", b"1e999", b"-0",
    b"9223372036854775808", b"18446744073709551616", b"1" + b"0" * 300, b'"NaN"', b'"\\u0000"', b"NaN",
    b"-Infinity", b"nan",
    b'"\\ud800"', b'"\xed\xa0\x80"', b'"\\udc00\\ud800"', b"[[[[[[]]]]]]",
    b'[null,"a",{}]', b"{\"a\\u0000b\": {}}",
)  # fmt: skip


def _parts(value: bytes) -> dict[str, Any]:
    return msgspec.json.decode(value, type=dict[str, msgspec.Raw])


def _wrong_value(pick: random.Random, key: bytes, value: bytes) -> _Record:
    fields = _parts(value)
    fields[pick.choice(list(fields))] = msgspec.Raw(pick.choice(_WRONG))
    return key, msgspec.json.encode(fields)


def _wrong_deep_inside(pick: random.Random, key: bytes, value: bytes) -> _Record:
    fields = _parts(value)
    nested = [name for name, raw in fields.items() if bytes(raw)[:1] in b"[{"]
    if not nested:
        return _wrong_value(pick, key, value)
    name = pick.choice(nested)
    inside: Any = msgspec.json.decode(fields[name])
    places: Any = list(inside) if isinstance(inside, dict) else range(len(inside))
    if places:
        place = pick.choice(places)
        inside[place] = msgspec.Raw(pick.choice(_WRONG))
    fields[name] = inside
    return key, msgspec.json.encode(fields)


def _missing(pick: random.Random, key: bytes, value: bytes) -> _Record:
    fields = _parts(value)
    del fields[pick.choice(list(fields))]
    return key, msgspec.json.encode(fields)


def _one_more(pick: random.Random, key: bytes, value: bytes) -> _Record:
    """Unknown fields are ignored, whatever is in them, as long as it is JSON."""
    return key, value[:-1] + b',"more":' + pick.choice(_WRONG) + b"}"


def _deep(pick: random.Random, key: bytes, value: bytes) -> _Record:
    deep = pick.choice((b"[", b'{"a":')) * 20_000
    return key, pick.choice((deep, value[:-1] + b',"more":' + deep))


def _other_version(pick: random.Random, key: bytes, value: bytes) -> _Record:
    version = pick.choice((b"0", b"2", b"-1", b'"1"', b"1.0", b"null", b"1" + b"0" * 30))
    return key, value[:-1] + b',"schema_version":' + version + b"}"


def _wrong_key(pick: random.Random, key: bytes, value: bytes) -> _Record:
    keys = (
        b"",
        b"\x00",
        b"\xff\xfe",
        key.lower(),
        key[:-1],
        key + b"0",
        key[::-1],
        b"k" * 5000,
        "ключ".encode(),
    )
    return pick.choice(keys), value


def _no_value(pick: random.Random, key: bytes, value: bytes) -> _Record:
    return pick.choice((key, b"", b"\xff", None)), pick.choice((None, None, b"", b" "))


def _another_event(pick: random.Random, key: bytes, value: bytes) -> _Record:
    return key, _valid(pick.choice((POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES, DEAD_LETTERS)), pick, 1)[1]


def _not_an_object(pick: random.Random, key: bytes, _: bytes) -> _Record:
    return key, pick.choice(_WRONG)


_HARMS: tuple[Callable[[random.Random, bytes, bytes], _Record], ...] = (
    _random_bytes,
    _truncated,
    _flipped,
    _wrong_value,
    _wrong_deep_inside,
    _missing,
    _one_more,
    _deep,
    _other_version,
    _wrong_key,
    _no_value,
    _another_event,
    _not_an_object,
)


def _headers(pick: random.Random) -> Headers:
    if pick.random() < 0.5:
        return []
    odd: Headers = [
        ("", b""),
        ("trace", None),
        ("имя", b"\xff\x00"),
        ("trace", b"\x80" * 300),
        ("deleted-at", b"9" * pick.choice((1, 15, 16, 400))),
        ("deleted-at", b"-1"),
        *_redriven(pick),
    ]
    return pick.sample(odd, pick.randrange(1, 4)) if pick.random() < 0.7 else odd


def _redriven(pick: random.Random) -> Headers:
    """As from a redrive, with something wrong."""
    number = pick.choice((0, -1, 2**63, 10**40, math.pi, None, "x"))
    origin = json.dumps({"topic": "t", "partition": 0, "offset": 0, "timestamp": number}).encode()
    failure = json.dumps([{"origin": {"topic": "t", "partition": number, "offset": 0}, "dead_at": number}])
    attempt = str(number).encode()
    return [
        (REDRIVEN_FROM, pick.choice((origin, b"{", b"\xff", b"[" * 5000, origin.replace(b"0", attempt)))),
        (ATTEMPT, pick.choice((attempt, b"9" * 5000, b"9" * 4000, b"\xff", b"1"))),
        (FAILURES, pick.choice((failure.encode(), b"[]", b"\x00"))),
    ]
