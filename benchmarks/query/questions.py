"""What is asked: kinds of questions, each a path with query, chosen as callers would."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from benchmarks.query.fill import Filled

#: Of what is asked for one by one, so many are asked for again and again.
_HOT = 1_000
_HOT_SHARE = 0.8
_LISTED = 20

#: Kind of question -> its share of the mix.
SHARES: Mapping[str, float] = {
    "one analysis": 0.8,
    "page of posts": 0.1,
    "trends": 0.02,
    "time series": 0.03,
    "stats": 0.02,
    "stats of an author": 0.03,
}


class Questions:
    """Makes questions about what there is; of the last 24 hours where they are about a time."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self._hot = filled.post_ids[-_HOT:]
        self._kinds: dict[str, Callable[[random.Random], str]] = {
            "one analysis": self._analysis,
            "page of posts": self._page,
            "trends": lambda _: "/api/v1/trends/hashtags/?window=24h",
            "time series": lambda _: "/api/v1/timeseries/?metrics=posts,sentiment",
            "stats": lambda _: "/api/v1/stats/?window=24h",
            "stats of an author": self._author,
        }

    def of(self, kind: str, number: int, chance: random.Random) -> list[str]:
        """Paths of so many questions; of the kind `mix`, of all kinds by their shares."""
        kinds = [kind] * number
        if kind == "mix":
            kinds = chance.choices(list(SHARES), list(SHARES.values()), k=number)
        return [self._kinds[each](chance) for each in kinds]

    def to_compare(self, number: int, chance: random.Random) -> list[str]:
        """So many of each kind; their times do not end now, so that the answers stay what they are."""
        until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        times = urlencode({"from": (until - timedelta(hours=24)).isoformat(), "until": until.isoformat()})
        paths = []
        for kind in SHARES:
            for path in self.of(kind, number, chance):
                base, _, query = path.partition("?")
                if kind in ("one analysis", "page of posts"):
                    paths.append(path)
                elif kind == "time series":
                    paths.append(f"{path}&{times}")
                else:
                    assert query in ("window=24h", "")
                    paths.append(f"{base}?{times}")
        return paths

    def _analysis(self, chance: random.Random) -> str:
        ids = self._hot if chance.random() < _HOT_SHARE else self._filled.post_ids
        return f"/api/v1/posts/{chance.choice(ids)}/analysis/"

    def _page(self, chance: random.Random) -> str:
        by = chance.choice(("hashtag", "author", "language", None))
        asked: dict[str, str | int] = {"limit": _LISTED}
        if by is not None:
            values = {
                "hashtag": self._filled.hashtags,
                "author": self._filled.authors,
                "language": self._filled.languages,
            }
            asked[by] = chance.choice(values[by])
        return f"/api/v1/posts/?{urlencode(asked)}"

    def _author(self, chance: random.Random) -> str:
        return f"/api/v1/authors/{quote(chance.choice(self._filled.authors), safe='')}/stats/?window=24h"
