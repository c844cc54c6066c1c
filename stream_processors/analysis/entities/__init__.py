"""Entities: the URLs, hashtags, mentions, cashtags and emoji of a text.

    extract(a + b) == extract(a) + extract(b) shifted by len(a)

for every `a` that ends in whitespace: no entity contains whitespace, and none looks across it. docs/metrics.md
defines what is an entity and what is not.
"""

from stream_processors.analysis.entities.domains import domain
from stream_processors.analysis.entities.entity import Entity, Kind
from stream_processors.analysis.entities.extract import extract

__all__ = ["Entity", "Kind", "domain", "extract"]
