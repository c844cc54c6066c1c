"""What hashtags, mentions and cashtags have in common: a sign, then a name."""

import re
from collections.abc import Callable

import regex

from stream_processors.analysis.entities.entity import Entity, Kind


def find_signed(
    text: str, kind: Kind, sign: str, match: Callable[[str, int], "re.Match[str] | regex.Match[str] | None"]
) -> list[Entity]:
    """The entities of a kind that begins with a sign, in order; the value is the name without it.

    Args:
        text: any string.
        kind: what they are.
        sign: one character.
        match: text and the place of a sign to a match, whose group 1 is the name, or None.
    """
    found: list[Entity] = []
    # Python finds a character many times faster than any pattern does.
    place = text.find(sign)
    while place >= 0:
        named = match(text, place)
        if named is None:
            place += 1
        else:
            end = named.end()
            found.append(Entity(kind, place, end, named[1]))
            place = end
        place = text.find(sign, place)
    return found
