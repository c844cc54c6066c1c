"""A text and its segmentation by UAX #29, computed once and shared by every metric."""

import re
from collections.abc import Sequence
from itertools import accumulate

from icu4py.breakers import SentenceBreaker
from icu4py.locale import Locale
from unicode_segmentation_rs import graphemes, unicode_words

from stream_processors.analysis.counts import count_words
from stream_processors.analysis.entities import Entity, extract

# The root locale: Unicode's rules without a language's tailoring.
_ROOT = Locale("und")
#: Kinds of entities that are words; the others are read, but not as words.
_WORDS = frozenset({"hashtag", "mention", "cashtag"})
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
    """One text, or one chunk of it, segmented.

    Attributes:
        raw: the text, lone surrogates replaced by U+FFFD (one for one).
        start: where it begins in the whole text, in code points.
        entities: URLs, hashtags, mentions, cashtags and emoji, in order; positions within `raw`.
        words: its words: the UAX #29 word segments that contain a letter or a digit (the properties
            Alphabetic or Numeric), as written. Hashtags, mentions and cashtags are one word each, without
            their sign; URLs are none.
        counts: how often each word occurs, by its folded form; see `counts.fold`.
        segments: its UAX #29 sentence segments, joined where one ended within an entity; joined they are `raw`.
        sentences: those segments that contain a letter or a digit.
        plain: whether every character is its own grapheme cluster (CR LF apart) and normalized (NFC). False
            says nothing.
    """

    __slots__ = ("counts", "entities", "plain", "raw", "segments", "sentences", "start", "words")

    def __init__(self, text: str, start: int = 0) -> None:
        try:
            segments = sentence_segments(text)
        except UnicodeEncodeError:
            text = scrub(text)
            segments = sentence_segments(text)
        self.raw = text
        self.start = start
        self.plain = text.isascii() or _find_special(text) is None
        self.entities = extract(text)
        if self.entities:
            self.words = unicode_words(_blank(text, self.entities))
            self.words += [entity.value for entity in self.entities if entity.kind in _WORDS]
            self.segments = _whole(segments, self.entities)
        else:
            self.words = unicode_words(text)
            self.segments = segments
        self.counts = count_words(self.words)
        # Python's idea of letters is narrower than the word library's, which takes in circled letters, and
        # scripts newer than this Python: where it finds none, the library decides.
        self.sentences = [
            segment
            for segment in self.segments
            if _find_letter_or_digit(segment) is not None or unicode_words(segment)
        ]

    def prose(self) -> list[str]:
        """The sentences without their entities: what a language is told by."""
        if not self.entities:
            return self.sentences
        blanked = _blank(self.raw, self.entities)
        ends = accumulate(map(len, self.segments))
        return [blanked[end - len(segment) : end] for segment, end in zip(self.segments, ends, strict=True)]


def _blank(text: str, entities: Sequence[Entity]) -> str:
    """The text with each entity as so many newlines: everything else stays where it is.

    Not as spaces: these join those around them, and a combining mark behind would make a word of all of them.
    """
    pieces: list[str] = []
    done = 0
    for entity in entities:
        pieces += (text[done : entity.start], "\n" * (entity.end - entity.start))
        done = entity.end
    return "".join((*pieces, text[done:]))


def _whole(segments: list[str], entities: Sequence[Entity]) -> list[str]:
    """The segments, with those joined between which an entity lies, such as `https://a.example/?` and `q=1`."""
    joined: list[str] = []
    inside = iter(entities)
    entity: Entity | None = next(inside)
    end = 0
    tail: list[str] = []
    for segment in segments:
        tail.append(segment)
        end += len(segment)
        while entity is not None and entity.end <= end:
            entity = next(inside, None)
        if entity is None or entity.start >= end:
            joined.append("".join(tail))
            tail = []
    return joined


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
