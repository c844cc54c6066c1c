"""What a metric is: a declared monoid from text to values, with what its users need to know of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from stream_processors.analysis.text import Text

Partial: TypeAlias = dict[str, Any]
"""Metric name -> mergeable partial result. JSON values only: integers, strings, lists and objects of them,
sets as sorted lists. Never floats: their sums depend on the order of the additions."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an analysis, as users see it.

    Attributes:
        name: its key in the analysis.
        unit: of a number; what it is otherwise.
        definition: what it says, as docs/metrics.md has it.
    """

    name: str
    unit: str
    definition: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, or a family of them that share a partial result.

    `merge` is associative and commutative, and `merge([])` is its identity, the partial of the empty text:
    the order and grouping in which chunks arrive does not change a bit of the result.

    Attributes:
        name: the key of its partial result.
        values: what `finish` returns, in its order.
        carries: what the partial result of a chunk is, in words.
        rule: how partial results merge, in words.
        analyze: a text to the partial result, in time linear in the text's length.
        merge: partial results to one, in one call, so that a set of many chunks is sorted once.
        finish: all merged partial results to the values; it may read those of other metrics.
    """

    name: str
    values: tuple[Value, ...]
    carries: str
    rule: str
    analyze: Callable[[Text], Any]
    merge: Callable[[Sequence[Any]], Any]
    finish: Callable[[Partial], dict[str, Any]]
