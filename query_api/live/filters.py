"""Which results a stream tells, by what the results say."""

from dataclasses import dataclass
from typing import Any

from postpulse.events import Analysis


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must hold. Streams with equal ones share the work.

    Attributes:
        author, source, tag: as the post was sent, to the letter.
        hashtag, mention: without the sign, folded, as results have them.
        language: as the analysis found it.
        sentiment: positive, neutral or negative.
    """

    author: str | None = None
    hashtag: str | None = None
    mention: str | None = None
    language: str | None = None
    sentiment: str | None = None
    source: str | None = None
    tag: str | None = None

    def match(self, analysis: Analysis | None) -> bool:
        """Whether to tell it; None is a delete, which says of no post what it was: all are told."""
        if analysis is None or self == _NONE:
            return True
        found = analysis.metrics
        return (
            self.author in (None, analysis.author)
            and self.source in (None, analysis.source)
            and (self.tag is None or self.tag in analysis.tags)
            and self.language in (None, found.get("language"))
            and self.sentiment in (None, found.get("sentiment_label"))
            and _among(found.get("hashtags"), self.hashtag)
            and _among(found.get("mentions"), self.mention)
        )


_NONE = Filters()


def _among(values: Any, wanted: str | None) -> bool:
    return wanted is None or (isinstance(values, list) and wanted in values)
