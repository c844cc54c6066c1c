"""What OpenAPI says of an analysis is what the registry of metrics has."""

from query_api.routes.posts_openapi import METRICS
from stream_processors.analysis import analyze


def test_every_value_of_an_analysis_is_described() -> None:
    assert list(METRICS) == list(analyze("I love it, @ada!"))
