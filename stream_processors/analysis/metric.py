"""What a metric is: a declared monoid from text to values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from stream_processors.analysis.text import Text

Partial: TypeAlias = dict[str, Any]
"""Metric name -> mergeable partial result. JSON values only: integers, strings, lists and objects of them,
sets as sorted lists. Never floats: their sums depend on the order of the additions."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, or a family of them that share a partial result.

    `merge` is associative and commutative, and `merge([])` is its identity, the partial of the empty text:
    the order and grouping in which chunks arrive does not change a bit of the result.

    Attributes:
        name: the key of its partial result.
        values: the names of what `finish` returns, as users see them.
        analyze: a text to the partial result, in time linear in the text's length.
        merge: partial results to one, in one call, so that a set of many chunks is sorted once.
        finish: all merged partial results to the values; it may read those of other metrics.
    """

    name: str
    values: tuple[str, ...]
    analyze: Callable[[Text], Any]
    merge: Callable[[Sequence[Any]], Any]
    finish: Callable[[Partial], dict[str, Any]]
