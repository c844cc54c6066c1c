"""Cashtags: `$` and the ticker symbol of a security."""

import regex

from stream_processors.analysis.entities.entity import Entity
from stream_processors.analysis.entities.signs import find_signed

_match_cashtag = regex.compile(
    r"\$"
    # After whitespace, an opening bracket or an opening quote only, so that `US$AB` is none. The separators
    # U+001C to U+001F are whitespace to str.isspace, not to \s.
    r"(?<![^\s\x1C-\x1F(\[{\"'“‘«]\$)"
    # A symbol, and a class of shares: $BRK.A
    r"([A-Za-z]{1,6}+(?:[._][A-Za-z]{1,2}+(?![\p{L}\p{M}\p{N}]))?+)"
    r"(?![\p{L}\p{M}\p{N}])"
).match


def find_cashtags(text: str) -> list[Entity]:
    """The cashtags of a text, in order; the value is the symbol without its sign, as written."""
    return find_signed(text, "cashtag", "$", _match_cashtag)
