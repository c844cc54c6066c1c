"""Hashtags: `#` and letters, digits, underscores, with at least one letter."""

import re

import regex

from stream_processors.analysis.entities.entity import Entity
from stream_processors.analysis.entities.signs import find_signed

# Signs that are no letters and stand within words all the same: joiners (Persian, Sinhala), middle dots
# (Catalan, Japanese), Hebrew maqaf, geresh and gershayim, Tibetan tseks, wave dashes and Japanese marks.
_INNER = r"\u200C\u200D\u00B7\u30FB\u05BE\u05F3\u05F4\u0F0B\u0F0C\uFF5E\u301C\u309B\u309C\u30A0\u3003\uA67E"
_SELECTOR = r"[\uFE0E\uFE0F\u20E3]"
# A character with an emoji selector or a keycap behind it is an emoji's.
_NO_LETTER = rf"[\p{{M}}\p{{Nd}}_{_INNER}](?!{_SELECTOR})"
_CHARACTER = rf"[\p{{L}}\p{{M}}\p{{Nd}}_{_INNER}](?!{_SELECTOR})"

_match_any = regex.compile(
    # Not within a word, and not an HTML entity such as &#39;. A selector is a mark, but ends an emoji.
    rf"#(?:(?<![\p{{L}}\p{{M}}\p{{Nd}}_&]#)|(?<={_SELECTOR}#))(?!{_SELECTOR})"
    rf"(?=(?:{_NO_LETTER})*+\p{{L}}(?!{_SELECTOR}))((?:{_CHARACTER})++)"
    # Neither half of `#a#b` is a tag, nor the scheme of `#http://example.com`.
    r"(?!#|://)",
).match
# What most tags are: English, between spaces or at the end of a clause. Several times as fast, and no more.
_match_plain = re.compile(r"(?<!\S)#([0-9_]*+[A-Za-z][A-Za-z0-9_]*+)(?=[\s.,!?]|\Z)").match


def find_hashtags(text: str) -> list[Entity]:
    """The hashtags of a text, in order; the value is the tag without its sign, as written."""
    # The wide sign of East Asian keyboards is as good; neither is ever within a tag.
    return find_signed(text.replace("＃", "#"), "hashtag", "#", _match)


def _match(text: str, place: int) -> "re.Match[str] | regex.Match[str] | None":
    return _match_plain(text, place) or _match_any(text, place)
