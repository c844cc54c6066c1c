"""Scripts: in which ones a sentence is written, and which languages write them.

Only a dozen languages share their script with none other that is much written online: for them, to see the
letters is to know the language. For the rest a script narrows what a model may answer.
"""

import re
from typing import NamedTuple

#: The code points of each script's letters, as far as living languages use them. Han, kana and Hangul letters
#: are whole syllables or words. `HIRAGANA NO` (の) is left out of kana: Chinese brands wear it as an ornament.
_RANGES = {
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\ua722-\ua787\uff21-\uff3a\uff41-\uff5a",
    "Cyrillic": "\u0400-\u052f\u1c80-\u1c8a\ua640-\ua69f",
    "Arabic": "\u0620-\u06ff\u0750-\u077f\u08a0-\u08c9\ufb50-\ufdff\ufe70-\ufefc",
    "Han": "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
    "Kana": "\u3041-\u306d\u306f-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "Hangul": "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb",
    "Devanagari": "\u0900-\u097f\ua8e0-\ua8ff",
    "Hebrew": "\u05d0-\u05f2\ufb1d-\ufb4f",
    "Thai": "\u0e01-\u0e4e",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Bengali": "\u0980-\u09ff",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Gujarati": "\u0a80-\u0aff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Odia": "\u0b00-\u0b7f",
    "Sinhala": "\u0d80-\u0dff",
    "Myanmar": "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f",
    "Khmer": "\u1780-\u17d3",
    "Lao": "\u0e81-\u0eff",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "Armenian": "\u0531-\u0587",
    "Tibetan": "\u0f00-\u0fff",
    "Thaana": "\u0780-\u07b1",
    "Ethiopic": "\u1200-\u139f\u2d80-\u2dde",
}

LANGUAGE_OF_SCRIPT = {
    "Hangul": "ko",
    "Thai": "th",
    "Greek": "el",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Odia": "or",
    "Sinhala": "si",
    "Myanmar": "my",
    "Khmer": "km",
    "Lao": "lo",
    "Georgian": "ka",
    "Armenian": "hy",
    "Tibetan": "bo",
    "Thaana": "dv",
    "Ethiopic": "am",
    "Japanese": "ja",
}
"""Script -> the ISO 639-1 code of the one language for which it stands."""

_find_letters = re.compile(r"[^\W\d_]+").findall
_find_runs = re.compile("|".join(f"(?P<{name}>[{ranges}]+)" for name, ranges in _RANGES.items())).finditer
_WIDE = frozenset({"Han", "Kana", "Hangul"})


class Writing(NamedTuple):
    """How a sentence is written.

    Attributes:
        scripts: the scripts of its letters, in Unicode's names, that with the most letters first; those with
            less than a tenth of them left out. `Japanese` is Han and kana together, `Han` Han alone.
        letters: how much there is to judge by, in letters; one of Han, kana or Hangul counts two, since it
            says about as much.
        ideographs: how many of the letters are of Han.
    """

    scripts: tuple[str, ...]
    letters: int
    ideographs: int


def writing_of(sentence: str) -> Writing:
    """The scripts of a sentence, in time linear in its length. Marks, digits and signs do not count."""
    letters = "".join(_find_letters(sentence))
    if letters.isascii():
        return Writing(("Latin",) if letters else (), len(letters), 0)
    counts: dict[str, int] = {}
    for run in _find_runs(letters):
        name = run.lastgroup or ""
        width = 2 if name in _WIDE else 1
        counts[name] = counts.get(name, 0) + width * (run.end() - run.start())
    han, kana = counts.get("Han", 0), counts.pop("Kana", 0)
    # Chinese quotes a Japanese name now and then; Japanese has one kana in three letters, in the tersest
    # headlines one in ten.
    if kana * 20 >= han + kana > 0:
        counts["Japanese"] = counts.pop("Han", 0) + kana
    weight = len(letters) + (han + kana + counts.get("Hangul", 0)) // 2
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return Writing(tuple(name for name in ordered if counts[name] * 10 >= weight), weight, han // 2)
