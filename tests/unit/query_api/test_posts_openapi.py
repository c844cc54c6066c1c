"""What OpenAPI says of an analysis is what the registry of metrics has."""

from query_api.routes import posts_examples
from query_api.routes.posts_openapi import METRICS
from stream_processors.analysis import ANALYSIS_VERSION, analyze


def test_every_value_of_an_analysis_is_described() -> None:
    assert list(METRICS) == list(analyze("I love it, @ada!"))


def test_the_example_is_what_the_analysis_says() -> None:
    assert analyze(posts_examples.CONTENT) == posts_examples.METRICS
    assert posts_examples.ANALYSIS["analysis_version"] == ANALYSIS_VERSION
