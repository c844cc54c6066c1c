"""All entities of a text, in order and without overlap."""

from collections.abc import Callable

from stream_processors.analysis.entities.cashtags import find_cashtags
from stream_processors.analysis.entities.emoji import find_emoji
from stream_processors.analysis.entities.entity import Entity
from stream_processors.analysis.entities.hashtags import find_hashtags
from stream_processors.analysis.entities.mentions import find_mentions
from stream_processors.analysis.entities.urls import find_urls

# The order decides between two that begin at the same place.
_FAMILIES: tuple[Callable[[str], list[Entity]], ...] = (
    find_urls,
    find_hashtags,
    find_mentions,
    find_cashtags,
    find_emoji,
)


def extract(text: str) -> list[Entity]:
    """The entities of a text, sorted by their start; no two overlap, none contains whitespace.

    Of two that would overlap, the one that begins first stays: a URL keeps what lies inside it.

    Args:
        text: any string. A lone surrogate is part of no entity.

    Returns:
        The entities, with positions in code points of `text`. The time is linear in the text's length.
    """
    families = [found for find in _FAMILIES if (found := find(text))]
    if len(families) < 2:
        return families[0] if families else []
    # Sorting is stable: at the same start the family named first comes first.
    merged = sorted((entity for found in families for entity in found), key=_start)
    kept = []
    end = 0
    for entity in merged:
        if entity.start >= end:
            kept.append(entity)
            end = entity.end
    return kept


def _start(entity: Entity) -> int:
    return entity.start
