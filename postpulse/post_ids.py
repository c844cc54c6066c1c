"""Post ids: 160 bits as 32 characters of Crockford's base32, recognizable without a look-up.

An id is 48 bits of time in milliseconds, 64 of randomness and a 48-bit keyed tag (BLAKE2b) over both, so that
any API process tells an id that was issued from one that was invented: a GET of an issued one may answer
"under way", of an invented one "not found". With an idempotency key, the first 112 bits are derived from the
key, the caller and the content instead: a retry gives the same id, statelessly, and a key used again for
another content makes another post.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Sequence
from hmac import compare_digest

from postpulse.settings import ConfigurationError, IdsSettings

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODE = bytes.maketrans(_STANDARD, _CROCKFORD)
#: Crockford's reading rules: case does not matter, I and L are 1, O is 0.
_DECODE = bytes.maketrans(_CROCKFORD + _CROCKFORD.lower() + b"ILOilo", _STANDARD + _STANDARD + b"BBABBA")
_READABLE = frozenset(_CROCKFORD + _CROCKFORD.lower() + b"ILOilo")

LENGTH = 32
_BODY_BYTES = 14
_TAG_BYTES = 6


class PostIds:
    """Makes and recognizes post ids with a ring of keys: made with the first, recognized with any.

    Args:
        keys: secrets of 16 to 64 bytes, newest first; at least one.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._keys = tuple(keys)

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
        return self._seal(milliseconds.to_bytes(6, "big") + secrets.token_bytes(8))

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
        raw = base64.b32decode(data.translate(_DECODE))
        body, tag = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if any(compare_digest(tag, _tag(key, body)) for key in self._keys):
            return data.translate(_DECODE).translate(_ENCODE).decode()
        return None

    def _seal(self, body: bytes) -> str:
        return base64.b32encode(body + _tag(self._keys[0], body)).translate(_ENCODE).decode()


def _tag(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=_TAG_BYTES, person=b"post-id").digest()
