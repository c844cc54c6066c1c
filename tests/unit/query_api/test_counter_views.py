"""Percentiles from histograms hold the true ones, and averages of nothing are null."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from postpulse.counting.dimensions import LENGTH_BITS
from query_api.counters.views import percentiles_view, sentiment_view, trend_views, volume_view
from tests.counted import sentiment_sums


def histogram(lengths: list[int]) -> dict[str, int]:
    return {
        f"b{bits}": sum(length.bit_length() == bits for length in lengths) for bits in range(LENGTH_BITS + 1)
    }


@given(st.lists(st.integers(0, 2**LENGTH_BITS - 1), min_size=1, max_size=300))
def test_the_bounds_hold_the_percentile_by_nearest_rank(lengths: list[int]) -> None:
    view = percentiles_view(histogram(lengths))
    ordered = sorted(lengths)
    for percent in (50, 90, 99):
        true = ordered[math.ceil(len(ordered) * percent / 100) - 1]
        bounds = view[f"p{percent}"]
        assert bounds["lower"] <= true <= bounds["upper"]
        assert bounds["upper"] <= max(2 * bounds["lower"] - 1, 0)


def test_there_are_no_percentiles_of_nothing() -> None:
    assert percentiles_view(histogram([])) == {"p50": None, "p90": None, "p99": None}
    assert percentiles_view(histogram([0]))["p50"] == {"lower": 0, "upper": 0}


def test_averages_of_nothing_are_null() -> None:
    assert volume_view({"posts": 0, "words": 0, "characters": 0})["words_per_post"] is None
    view = sentiment_view(sentiment_sums([]))
    assert (view["mean"], view["labels"]["positive"]) == (None, {"posts": 0, "share": None})


def test_the_parts_of_a_histogram_meet_and_cover_all() -> None:
    histogram = sentiment_view(sentiment_sums([-1.0, 0.0, 0.999, 1.0]))["histogram"]
    assert (histogram[0]["from"], histogram[-1]["until"]) == (-1, 1)
    assert all(one["until"] == other["from"] for one, other in pairwise(histogram))
    assert {part["from"]: part["posts"] for part in histogram if part["posts"]} == {-1.0: 1, 0.0: 1, 0.9: 2}


def test_equals_share_a_rank_and_what_was_not_there_before_has_none() -> None:
    views = trend_views(
        {
            "first": [
                {"_id": "a", "count": 5, "before": 0},
                {"_id": "b", "count": 3, "before": 6},
                {"_id": "c", "count": 3, "before": 1},
            ],
            "counts": [{"_id": 5, "values": 1}, {"_id": 3, "values": 2}, {"_id": 1, "values": 9}],
            "befores": [{"_id": 6, "values": 2}, {"_id": 1, "values": 1}],
        }
    )
    assert [(view["rank"], view["rank_before"]) for view in views] == [(1, None), (2, 1), (2, 3)]
    assert [(view["difference"], view["ratio"]) for view in views] == [(5, None), (-3, 0.5), (2, 3.0)]
