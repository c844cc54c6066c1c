"""Entities with their places, packed for the way between processes."""

from collections.abc import Iterable, Sequence
from typing import Any

#: start and end in the whole text, in code points; kind; value.
Place = tuple[int, int, str, str]

_LETTERS = {"url": "u", "hashtag": "h", "mention": "m", "cashtag": "c", "emoji": "e"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
#: With a sign before their value.
_SIGNED = frozenset({"hashtag", "mention", "cashtag"})
#: In no entity's value.
_BETWEEN = " "
#: From the end of the entity before, where nothing is said: a space between.
_USUAL_GAP = 1
_FAR = "-"


def pack(places: Iterable[Place]) -> list[Any]:
    """Places as JSON that is hardly longer than the entities themselves.

    Args:
        places: in order.

    Returns:
        A string with a letter for the kind of each, capital where the length is not that of value and sign; before
        it, where it does not follow the one before at a distance of 1, the distance as a digit, or `-` for any
        other; the numbers that are missing in that string, in order; the values, joined by spaces.
    """
    marks: list[str] = []
    numbers: list[int] = []
    values: list[str] = []
    before = 0
    for start, end, kind, value in places:
        gap, length, letter = start - before, end - start, _LETTERS[kind]
        if gap != _USUAL_GAP:
            if 0 <= gap < 10:
                marks.append(str(gap))
            else:
                marks.append(_FAR)
                numbers.append(gap)
        if length != _length(kind, value):
            letter = letter.upper()
            numbers.append(length)
        marks.append(letter)
        values.append(value)
        before = end
    return ["".join(marks), numbers, _BETWEEN.join(values)]


def unpack(packed: Sequence[Any]) -> list[Place]:
    """The places that `pack` packed."""
    marks, rest, joined = packed
    numbers, values = iter(rest), iter(joined.split(_BETWEEN))
    places: list[Place] = []
    at, gap = 0, _USUAL_GAP
    for mark in marks:
        if mark == _FAR:
            gap = next(numbers)
        elif mark.isdigit():
            gap = int(mark)
        else:
            kind, value = _KINDS[mark.lower()], next(values)
            start = at + gap
            at = start + (next(numbers) if mark.isupper() else _length(kind, value))
            gap = _USUAL_GAP
            places.append((start, at, kind, value))
    return places


def _length(kind: str, value: str) -> int:
    return len(value) + (kind in _SIGNED)
