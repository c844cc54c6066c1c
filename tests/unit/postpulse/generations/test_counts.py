"""What two generations must agree on before queries are switched from one to the other."""

import pytest

from postpulse.generations.counts import Counts, Difference, differences


def counts(posts: dict[str, int], words: int = 0, counted: int | None = None, version: int = 3) -> Counts:
    analyzed = posts.get("analyzed", 0)
    volume = {"posts": analyzed if counted is None else counted, "words": words}
    states = {"analyzed": 0, "analyzing": 0, "dead": 0, "deleted": 0} | posts
    return Counts(states, {version: analyzed}, {"volume": volume})


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (counts({"analyzed": 2, "dead": 1}, 9), []),
        (counts({"analyzed": 2, "dead": 1, "deleted": 5}, 9), []),
        # Found dead no more, by the same version: its words are counted now.
        (counts({"analyzed": 3}, 12), []),
        (counts({"analyzed": 2, "dead": 1}, 8), [Difference("volume words", 9, 8)]),
        (counts({"analyzed": 2, "dead": 1}, 8, version=4), []),
        (counts({"analyzed": 1, "dead": 2}, 4), [Difference("posts dead", 1, 2)]),
        (counts({"analyzed": 2, "analyzing": 1}, 9), [Difference("posts analyzing", 0, 1)]),
        (counts({"analyzed": 3}, 12, counted=2), [Difference("posts counted", 3, 2)]),
        (counts({"analyzed": 2}, 9), [Difference("posts", 3, 2)]),
    ],
)
def test_what_two_generations_must_agree_on(other: Counts, found: list[Difference]) -> None:
    assert differences(counts({"analyzed": 2, "dead": 1}, 9), other) == found
