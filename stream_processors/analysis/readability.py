"""Readability of English: syllables, and Flesch's reading ease from them.

R. Flesch, "A new readability yardstick", Journal of Applied Psychology 32 (1948), 221-233:

    reading ease = 206.835 - 1.015 * words / sentences - 84.6 * syllables / words

100 is very easy, 30 difficult, and neither is a bound. It is made for English and says nothing of other languages.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

#: Code points of a word that are looked at. No English word is longer; what is, is not read.
_READ = 64

_VOWEL = "aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿ"

# An e that is not spoken, unless it is the word's first vowel: love, loved, loves, love's, lovely; league.
_SILENT = r"""
    (?<=[^V ])e(?=
        (?<![btcg]re) (?:'(?:s|d|ll|ve|re))? \Z
      | (?: d(?<![dt]ed) | s(?<![cgsxz]es)(?<![cs]hes) ) (?:'s?)? \Z
      | (?: ly|ment|ful|less|ness|thing|time|where|body|fore|land|how|what|one|work|hood|some|self|selves
          | town|line|way|book|ball|made|stone ) [^ ]{0,6} \Z
      | (?<=re) n't
    )
  | (?<=[gq]) ue (?=[ds]?\Z) | (?<=[gq]u) e (?=[ds]?\Z)
"""

# Where a run of vowels parts in two syllables: medi-a, vari-ous, happi-est, vide-o, actu-al, be-ing, cre-ate.
_HIATUS = r"""
    (?<=[^cgtsxlV]i) [ao] (?!ge|ns?\Z|ur) | (?<=[rdv]i) an | (?<=[^V]i) um | (?<=[lv]i) ous
  | (?<=[^ctfV]i) e (?=st|nc|nt|ty|r\Z)
  | (?<=\Asci) e | (?<=\Adi) e (?=t) | (?<=qui) e | (?<=soci) e | (?<=\Ali) [ao]
  | (?<=\Agi) a (?=n) | (?<=soci) a (?=t) | (?<=se) um
  | (?<=[^gpV]e) o (?!u)
  | (?<=[^gqsV]u) a | (?<=su) a (?=l) | (?<=u) ou
  | (?<=[aeou]) (?<!qu) ing | (?<=[^V]y) ing
  | (?<=ide) a | (?<=are) a | (?<=cre) a (?!m) | (?<=re) a (?=lity|li[sz]|ct) | (?<=the) at | (?<=po) e
  | (?<=[aeo]) y (?=[V]) (?!e[ds]?\Z)
"""

# What is one syllable: a run of vowels, but for hiatus and silent letters; an l or m that stands for one (little,
# chasm), did-n't, James-'s; or all of a word without vowels (mr, 2024, any word in another script).
_SYLLABLE = r"""
    \A [^V]+ \Z
  | (?: \A [^V]* | (?! SILENT ) ) [V] (?: (?! HIATUS ) [V] )*
  | (?<=[^Vlrw]) l e (?= [ds]?(?:'s)?\Z | ness | ment )
  | (?<=[iay]) sm s? \Z | thm s? \Z
  | (?<=[dst]) n't
  | (?: (?<=[sxz]) | (?<=[cgsz]e) | (?<=[cs]h) ) 's \Z
"""
_find_syllables = re.compile(
    _SYLLABLE.replace("SILENT", _SILENT).replace("HIATUS", _HIATUS).replace("V", _VOWEL), re.VERBOSE
).findall


def syllables(word: str) -> int:
    """The syllables of an English word in small letters, by spelling: in its first 64 code points; at least 1."""
    return _syllables(word[:_READ])


@lru_cache(
    maxsize=8_192
)  # Three microseconds for a word, and most words of a text are among the most frequent.
def _syllables(word: str) -> int:
    return len(_find_syllables(word.replace("\u2019", "'"))) or 1


def partial(counts: Mapping[str, int]) -> int:
    """The syllables of all words of a text, from its folded words with their counts. Merged by adding up."""
    return sum(count * _syllables(word[:_READ]) for word, count in counts.items())


def flesch_reading_ease(words: int, sentences: int, syllables: int) -> float | None:
    """Flesch's reading ease of an English text, correctly rounded; None without words or sentences."""
    if not words or not sentences:
        return None
    # One quotient of integers: three rounded terms would make a fourth error.
    numerator = 206_835 * words * sentences - 1_015 * words * words - 84_600 * syllables * sentences
    return numerator / (1_000 * words * sentences)


def type_token_ratio(unique_words: int, words: int) -> float | None:
    """Different words by words, 0 to 1, correctly rounded; None without words. Falls with the length of a text."""
    return unique_words / words if words else None


def avg_sentence_len(words: int, sentences: int) -> float | None:
    """Words a sentence, correctly rounded; None without sentences."""
    return words / sentences if sentences else None
