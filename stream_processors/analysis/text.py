"""A text and its segmentation by UAX #29, computed once and shared by every metric."""

import re

from icu4py.breakers import SentenceBreaker
from icu4py.locale import Locale
from unicode_segmentation_rs import graphemes, unicode_words

# The root locale: Unicode's rules without a language's tailoring.
_ROOT = Locale("und")
_SURROGATE = re.compile("[\ud800-\udfff]")
_find_letter_or_digit = re.compile(r"[^\W_]").search

# Latin, Cyrillic, kana, Han and Hangul syllables, common punctuation and emoji: characters each of which is a
# grapheme cluster of its own beside any other of them (but for CR LF), and is in normalization form C.
_find_special = re.compile(
    "[^\0-\u02ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20c0"
    "\u3000-\u3029\u3041-\u3096\u30a0-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff65"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001f9ff]"
).search


class Text:
    """One text, segmented.

    Attributes:
        raw: the text, lone surrogates replaced by U+FFFD (one for one).
        words: its words: the UAX #29 word segments that contain a letter or a digit (the properties
            Alphabetic or Numeric), as written.
        sentences: its sentences: the UAX #29 sentence segments that contain a letter or a digit.
        plain: whether every character is its own grapheme cluster (CR LF apart) and normalized (NFC). False
            says nothing.
    """

    __slots__ = ("plain", "raw", "sentences", "words")

    def __init__(self, text: str) -> None:
        try:
            self.words = unicode_words(text)
        except UnicodeEncodeError:
            text = scrub(text)
            self.words = unicode_words(text)
        self.raw = text
        self.plain = text.isascii() or _find_special(text) is None
        # Python's idea of letters is narrower than the word library's, which takes in circled letters, and
        # scripts newer than this Python: where it finds none, the library decides.
        self.sentences = [
            segment
            for segment in sentence_segments(text)
            if _find_letter_or_digit(segment) is not None or unicode_words(segment)
        ]


def scrub(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD; its length in code points stays."""
    return _SURROGATE.sub("\ufffd", text)


def sentence_segments(text: str) -> list[str]:
    """Every UAX #29 sentence segment, those without letters included; joined they are the text.

    Raises:
        UnicodeEncodeError: the text has a lone surrogate; see `scrub`.
    """
    return list(SentenceBreaker(text, _ROOT))


def grapheme_clusters(text: str) -> list[str]:
    """The extended grapheme clusters; joined they are the text.

    Raises:
        UnicodeEncodeError: the text has a lone surrogate; see `scrub`.
    """
    return graphemes(text, True)
