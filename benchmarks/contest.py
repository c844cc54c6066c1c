"""How contestants are compared: in turn, for several rounds, by the median."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Series:
    """What one contestant reached, a figure a round."""

    name: str
    figures: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.figures)


def contest(
    contestants: Mapping[str, Callable[[], float]], rounds: int, say: Callable[[str], None]
) -> list[Series]:
    """Every contestant once a round, each round beginning with another one, so that none always runs first.

    A round before the first warms up what they share and is not counted: a broker's Java takes five times as long
    for a record at first, which would be the loss of whoever comes first.

    Args:
        contestants: name -> one run of it, which returns its figure.
        rounds: how many.
        say: told of each figure.
    """
    series = {name: Series(name) for name in contestants}
    names = list(contestants)
    for name, run in contestants.items():
        say(f"warm-up: {name} {run():,.0f}")
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            figure = contestants[name]()
            series[name].figures.append(figure)
            say(f"round {number + 1}: {name} {figure:,.0f}")
    return list(series.values())
