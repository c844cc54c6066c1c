"""Post ids: 160 bits as 32 characters of Crockford's base32, recognizable without a look-up.

An id is 48 bits of time in milliseconds, 64 of randomness and a 48-bit keyed tag (BLAKE2b) over both, so that
any API process tells an id that was issued from one that was invented: a GET of an issued one may answer
"under way", of an invented one "not found". With an idempotency key, the first 112 bits are derived from the
key, the caller and the content instead: a retry gives the same id, statelessly, and a key used again for
another content makes another post.
"""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from hmac import compare_digest

from postpulse.settings import ConfigurationError, IdsSettings

_CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODE = bytes.maketrans(bytes(range(32)), _CROCKFORD)
#: Crockford's reading rules: case does not matter, I and L are 1, O is 0.
_DECODE = bytes.maketrans(
    _CROCKFORD + _CROCKFORD.lower() + b"ILOilo", bytes([*range(32), *range(32), 1, 1, 0, 1, 1, 0])
)
_READABLE = frozenset(_CROCKFORD + _CROCKFORD.lower() + b"ILOilo")

LENGTH = 32
_BODY_BYTES = 14
_TAG_BYTES = 6


def _halvings() -> Iterator[tuple[int, int]]:
    """Mask and factor of each step that moves the upper half of every field half a lane up."""
    field, lane = 8 * (_BODY_BYTES + _TAG_BYTES), 8 * LENGTH
    while field > 5:
        half = (1 << field // 2) - 1
        low = sum(half << at for at in range(0, 8 * LENGTH, lane))
        # What is added to the upper half, for it to stand that far up.
        yield low << field // 2, (1 << (lane - field) // 2) - 1
        field, lane = field // 2, lane // 2


#: From 160 bits in a row to 32 bytes of 5 bits each: all fields at once, a third of the time of `base64.b32encode`.
_HALVINGS = tuple(_halvings())
#: And back: what stands moved, and how far it goes.
_JOININGS = tuple((upper * (factor + 1), factor.bit_length()) for upper, factor in reversed(_HALVINGS))


def _eight_bytes() -> Iterator[bytes]:
    # Asking the system each time costs more than the rest of an id.
    while True:
        pool = os.urandom(4096)
        for at in range(0, len(pool), 8):
            yield pool[at : at + 8]


def _begin_randomness() -> None:
    global _randomness
    _randomness = _eight_bytes()


_randomness: Iterator[bytes]
_begin_randomness()
# A child would go on with the same bytes as its parent.
os.register_at_fork(after_in_child=_begin_randomness)


def id_in(key: bytes | None) -> str | None:
    """The post_id that a record's key is, by its form alone; None where it has another."""
    if key is None or len(key) != LENGTH or not key.isalnum() or not key.isupper():
        return None
    return key.decode("ascii")


class PostIds:
    """Makes and recognizes post ids with a ring of keys: made with the first, recognized with any.

    Args:
        keys: secrets of 16 to 64 bytes, newest first; at least one.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._keys = tuple(keys)
        self._tags = tuple(
            hashlib.blake2b(key=key, digest_size=_TAG_BYTES, person=b"post-id") for key in self._keys
        )

    @classmethod
    def from_settings(cls, settings: IdsSettings) -> "PostIds":
        """With the ring of keys in force.

        Raises:
            ConfigurationError: there is none.
        """
        if not settings.keys:
            raise ConfigurationError(
                "POSTPULSE_IDS_KEYS: at least one secret of 16 to 64 bytes is needed to make post ids"
            )
        return cls([key.get_secret_value().encode() for key in settings.keys])

    def mint(self) -> str:
        """A new id."""
        milliseconds = time.time_ns() // 1_000_000
        return self._seal(milliseconds.to_bytes(6, "big") + next(_randomness))

    def derive(self, idempotency_key: str, caller: str, content: str) -> str:
        """The id of a post sent with an `Idempotency-Key`: the same for the same three, anywhere."""
        digest = hashlib.blake2b(key=self._keys[0], digest_size=_BODY_BYTES, person=b"idempotency")
        for part in (idempotency_key, caller, content):
            data = part.encode()
            # With its length in front, no two triples give the same bytes.
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        return self._seal(digest.digest())

    def recognize(self, text: str) -> str | None:
        """The id in its one canonical form if it was issued with a key of the ring, else None."""
        if len(text) != LENGTH or not text.isascii():
            return None
        data = text.encode()
        if not _READABLE.issuperset(data):
            return None
        raw = _bytes(data)
        body, tag = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if any(compare_digest(tag, _digest(begun, body)) for begun in self._tags):
            return _letters(raw)
        return None

    def _seal(self, body: bytes) -> str:
        return _letters(body + _digest(self._tags[0], body))


def _digest(begun: "hashlib.blake2b", body: bytes) -> bytes:
    # A copy has the key's block done already.
    tag = begun.copy()
    tag.update(body)
    return tag.digest()


def _letters(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    for upper, factor in _HALVINGS:
        number += (number & upper) * factor
    return number.to_bytes(LENGTH, "big").translate(_ENCODE).decode()


def _bytes(letters: bytes) -> bytes:
    number = int.from_bytes(letters.translate(_DECODE), "big")
    for moved, distance in _JOININGS:
        part = number & moved
        number += (part >> distance) - part
    return number.to_bytes(_BODY_BYTES + _TAG_BYTES, "big")
