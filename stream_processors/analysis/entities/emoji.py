"""Emoji, each as the whole sequence that is drawn as one picture (UTS #51)."""

import re

import regex

from stream_processors.analysis.entities.entity import Entity

# The blocks outside of ASCII that have emoji.
_BLOCKS = "".join(map(chr, [*range(0xA0, 0x3300), *range(0x1F000, 0x1FB00)]))


def _members(properties: str) -> list[str]:
    """The characters of a set that is written in the syntax of `regex`."""
    return regex.findall(properties, _BLOCKS, flags=regex.VERSION1)


def _class(characters: list[str]) -> str:
    """The inner part of a character class. `re` looks in one up four times faster than `regex` does properties."""
    ranges: list[list[str]] = []
    for character in characters:
        if ranges and ord(ranges[-1][1]) == ord(character) - 1:
            ranges[-1][1] = character
        else:
            ranges.append([character, character])
    return "".join(f"{first}-{last}" for first, last in ranges)


# Drawn as a picture by itself; the letters of flags are not, one by one.
_PICTURES = _members(r"[\p{Emoji_Presentation}--\p{Regional_Indicator}]")
_PICTURE = _class(_PICTURES)
_EMOJI = _class(_members(r"\p{Emoji}"))
_TAKES_TONE = _class(_members(r"\p{Emoji_Modifier_Base}"))
# May stand in a sequence without a selector. Those outside of these blocks (such as ©) are text without one.
_PICTURABLE = _class(_members(r"[\p{Extended_Pictographic}&&[\u231A-\u2B55\U0001F000-\U0001FAFF]]"))
_TONE = "\U0001f3fb-\U0001f3ff"
_FLAG_LETTER = "\U0001f1e6-\U0001f1ff"
_TAG = "\U000e0020-\U000e007e"
_END_OF_TAGS = "\U000e007f"
_SELECTOR = "\ufe0f"
_TEXT_SELECTOR = "\ufe0e"
_JOINER = "\u200d"
_KEYCAP = "\u20e3"

_match_sequence = re.compile(
    rf"""
    [{_FLAG_LETTER}]{{2}}
    | [0-9\#*]{_SELECTOR}?+{_KEYCAP}
    |
    (?:
        [{_TAKES_TONE}]{_SELECTOR}?+[{_TONE}]{_SELECTOR}?+
        | [{_EMOJI}0-9\#*]{_SELECTOR}
        | [{_PICTURE}](?!{_TEXT_SELECTOR})
        # Old programs leave the selector out within a sequence.
        | [{_PICTURABLE}](?={_JOINER}[{_PICTURABLE}])
    )
    # The flags of England, Scotland and Wales: letters that cannot be seen, and their end.
    (?:[{_TAG}]++{_END_OF_TAGS})?+
    (?:
        {_JOINER}
        (?: [{_PICTURABLE}] | [{_EMOJI}](?={_SELECTOR}) )
        {_SELECTOR}?+ (?:[{_TONE}]{_SELECTOR}?+)?+
    )*+
    """,
    re.VERBOSE,
).match

# Every emoji has one of these as its first code point, or as its second one.
_find_candidates = re.compile(f"[{_KEYCAP}\u231a-\u2b55{_SELECTOR}\U0001f000-\U0001faff]").finditer
_SECOND = frozenset(_SELECTOR + _KEYCAP)
# Most emoji are a picture that nothing follows of a sequence.
_SINGLE = frozenset(_PICTURES)
_CONTINUES = frozenset(
    [_SELECTOR, _TEXT_SELECTOR, _JOINER, *map(chr, [*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)])]
)


def find_emoji(text: str) -> list[Entity]:
    """The emoji of a text, in order; the value is the sequence."""
    if text.isascii():
        return []
    found: list[Entity] = []
    end = 0
    for candidate in _find_candidates(text):
        start = candidate.start()
        if start < end:
            continue
        character = text[start]
        if character in _SINGLE and text[start + 1 : start + 2] not in _CONTINUES:
            end = start + 1
            found.append(Entity("emoji", start, end, character))
            continue
        if character in _SECOND and start > end:
            start -= 1
        if (sequence := _match_sequence(text, start)) is not None:
            end = sequence.end()
            found.append(Entity("emoji", start, end, sequence[0]))
    return found
