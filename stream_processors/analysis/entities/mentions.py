"""Mentions: `@` and the name of an account."""

import re

from stream_processors.analysis.entities.entity import Entity
from stream_processors.analysis.entities.signs import find_signed

_LATIN = "A-Za-z0-9_À-ÖØ-öø-ɏḀ-ỿ"

_match_mention = re.compile(
    "@"
    # Not in an e-mail address, nor in `f!@kn`; but `RT@name` is how some programs quote.
    rf"(?:(?<![{_LATIN}!#$%&*@]@)|(?<=(?<![{_LATIN}+~.\-])[Rr][Tt]@))"
    # A character with an emoji selector or a keycap behind it is an emoji's.
    r"((?:[A-Za-z0-9_](?![\uFE0F\u20E3])){1,30}+)"
    # Not the beginning of a longer name, of an address (`@user@host`) or of a URL (`@http://`).
    rf"(?![{_LATIN}@](?!\uFE0F|\u20E3)|://)"
).match


def find_mentions(text: str) -> list[Entity]:
    """The mentions of a text, in order; the value is the name without its sign, as written."""
    # The wide sign of East Asian keyboards is as good; neither is ever within a name.
    return find_signed(text.replace("＠", "@"), "mention", "@", _match_mention)
