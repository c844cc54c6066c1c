"""From text to metrics, whole or by chunks: analyze, merge, finish over all registered metrics."""

from collections.abc import Iterable
from typing import Any

from stream_processors.analysis import sentiment
from stream_processors.analysis.metric import Partial
from stream_processors.analysis.registry import METRICS
from stream_processors.analysis.text import Text

_NAMES = frozenset(metric.name for metric in METRICS)


def analyze_chunk(text: str, start: int = 0) -> Partial:
    """The mergeable partial results of a text or of one chunk of it. Any `str` is answered.

    Args:
        start: where the chunk begins in the whole text, in code points.
    """
    segmented = Text(text, start)
    return {metric.name: metric.analyze(segmented) for metric in METRICS}


def merge(partials: Iterable[Partial]) -> Partial:
    """The partial results of chunks as those of the whole, whatever their order and grouping.

    Of none at all it is the partial result of the empty text.

    Raises:
        ValueError: one has other metrics than this version of the analysis.
    """
    gathered = list(partials)
    for partial in gathered:
        if partial.keys() != _NAMES:
            raise ValueError(
                "a partial result of another analysis version: its metrics are "
                f"{', '.join(sorted(partial)) or 'none'}; expected {', '.join(sorted(_NAMES))}"
            )
    return {metric.name: metric.merge([partial[metric.name] for partial in gathered]) for metric in METRICS}


def finish(partial: Partial) -> dict[str, Any]:
    """The metrics for users, by name, from the merged partial results of a text."""
    values: dict[str, Any] = {}
    for metric in METRICS:
        values.update(metric.finish(partial))
    return values


def explain(text: str) -> list[dict[str, Any]]:
    """What made the sentiment of a text: for each sentence that was scored its score and its words.

    Returns:
        Objects of `sentence`; `sentiment`, -1 to 1, of the sentence alone; `words`: objects of `word` and `valence`
        (about -4 to 4, after the rules).
    """
    explained = []
    for sentence in Text(text).segments:
        scored = sentiment.score(sentence)
        if scored.tokens:
            words = [{"word": word, "valence": valence} for word, valence in sentiment.explain(sentence)]
            explained.append({"sentence": sentence, "sentiment": scored.compound / 10_000, "words": words})
    return explained


def analyze(text: str) -> dict[str, Any]:
    """The metrics of a text: what its exact chunks of any size give, merged and finished."""
    return finish(analyze_chunk(text))
