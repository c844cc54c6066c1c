"""What the package offers, and the promises that every registered metric makes."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream_processors.analysis
from stream_processors.analysis import ANALYSIS_VERSION, analyze, analyze_chunk, finish, merge
from stream_processors.analysis.registry import METRICS
from stream_processors.metrics_document import documented

DOCS = Path(__file__).resolve().parents[4] / "docs" / "metrics.md"
TEXT = "Grüße, Welt! 2 Sätze 👩‍👩‍👧 in e\u0301inem #Post.\nUnd noch einer, @ada: https://a.example/?q $TSLA"


def test_what_the_package_offers() -> None:
    assert stream_processors.analysis.__all__ == [
        "ANALYSIS_VERSION",
        "Chunk",
        "Partial",
        "analyze",
        "analyze_chunk",
        "explain",
        "finish",
        "merge",
        "split",
    ]
    assert all(hasattr(stream_processors.analysis, name) for name in stream_processors.analysis.__all__)
    assert isinstance(ANALYSIS_VERSION, int)


def test_values_are_the_declared_ones() -> None:
    assert list(analyze(TEXT)) == [value.name for metric in METRICS for value in metric.values]
    assert list(analyze_chunk(TEXT)) == [metric.name for metric in METRICS]
    assert len({value.name for metric in METRICS for value in metric.values}) == len(analyze(TEXT))


def test_the_documentation_is_what_the_registry_says() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert documented(page) == page, "run make docs"
    with pytest.raises(ValueError, match="the page has no"):
        documented("# Another page")


def test_partial_results_are_json_without_floats() -> None:
    partial = analyze_chunk(TEXT)
    assert msgspec.json.decode(msgspec.json.encode(partial)) == partial
    values: list[Any] = [partial]
    while values:
        value = values.pop()
        assert type(value) in (dict, list, int, str)
        if isinstance(value, dict):
            values += value.values()
        elif isinstance(value, list):
            values += value


def test_partial_results_are_compact(test_data: Path) -> None:
    for path in sorted((test_data / "languages").glob("??.txt")):
        text = path.read_text(encoding="utf-8")
        size = len(msgspec.json.encode(analyze_chunk(text)))
        assert size <= 2 * len(text.encode()), path.name


@pytest.mark.parametrize("unit", ["#{} ", "@{} ", "${} ", "{} ", "{}.de ", "#{} \U0001f600 ", "{}. "])
@pytest.mark.parametrize("length", [1_000, 4_000])
def test_partial_results_of_nothing_but_entities_are_compact(unit: str, length: int) -> None:
    names = map("".join, itertools.product("abcdefghij", repeat=3))
    text = "".join(unit.format(name) for name in itertools.islice(names, length // len(unit.format("abc"))))
    partial = analyze_chunk(text, start=1_000_000)
    assert len(msgspec.json.encode(partial)) <= 2 * len(text.encode())


def test_merging_nothing_is_the_empty_text() -> None:
    assert merge([]) == analyze_chunk("")
    assert merge([merge([]), analyze_chunk(TEXT)]) == merge([analyze_chunk(TEXT)]) == analyze_chunk(TEXT)


def test_merging_takes_any_iterable_and_changes_none() -> None:
    partials = [analyze_chunk("one two. "), analyze_chunk("two three")]
    before = msgspec.json.encode(partials)
    assert finish(merge(partial for partial in partials))["num_of_unique_words"] == 3
    assert msgspec.json.encode(partials) == before


@pytest.mark.parametrize("partial", [{}, {"words": [1, 1, 1, "a"]}, {**analyze_chunk("a"), "mood": 1}])
def test_a_partial_of_another_version_is_refused(partial: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="another analysis version"):
        merge([analyze_chunk("a"), partial])
