"""What the families of entities hand on."""

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["url", "hashtag", "mention", "cashtag", "emoji"]


class Entity(NamedTuple):
    """One entity and where it stands.

    Attributes:
        kind: its family.
        start: where it begins, in code points; `text[start:end]` is the whole entity, sign included.
        end: where it ends, exclusive, in code points.
        value: as written: a hashtag, mention or cashtag without its sign, a URL or an emoji whole.
    """

    kind: Kind
    start: int
    end: int
    value: str
