"""What MongoDB looks at to answer lists of posts, as its profiler says: no whole collection, and little in vain.

POSTPULSE_TEST_POSTS is how many there are, 20,000 unless it says otherwise.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import POSTS, Document, apply_collections
from query_api.queries.current import CurrentGeneration
from query_api.queries.post_list import Filters, PostListQueries

_COUNT = int(os.environ.get("POSTPULSE_TEST_POSTS") or 20_000)
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_LABELS = ("positive", "neutral", "negative")


def post(n: int) -> Document:
    """As the sink writes them; a hundred have one time."""
    analysis: Document = {"num_of_words": 10, "num_of_characters": 50, "language": "en" if n % 10 else "de"}
    analysis |= {"sentiment": n % 199 / 99 - 1, "sentiment_label": _LABELS[n % 3]}
    for name, number, listed in (
        ("hashtags", "num_of_hashtags", [f"h{n % 11}", f"h{n % 997 + 11}"] if n % 2 else []),
        ("mentions", "num_of_mentions", [f"m{n % 101}"] if n % 4 else []),
        ("domains", "num_of_urls", [f"d{n % 17}.example"] if n % 5 == 0 else []),
    ):
        analysis |= {name: listed, number: len(listed)}
    document: Document = {
        "_id": f"{n:032d}",
        "state": "analyzed" if n % 50 else "dead",
        "content": f"all of them say every{n % 13} thing rare{n % 1009}",
        "created_at": _BEGIN + timedelta(seconds=n // 100 * 100),
        "author": f"a{n % 7}" if n % 3 else f"b{n % 2003}",
        "source": "web" if n % 1000 else "rare",
        "analysis": analysis,
        "analysis_version": 2,
    }
    return document | ({"lang": "de", "tags": ["x", f"t{n % 23}"]} if n % 10 == 0 else {})


def after(number: int) -> datetime:
    return _BEGIN + timedelta(seconds=number)


#: Filters, and how many posts may be examined for each that is found.
_ONE: list[tuple[dict[str, Any], float]] = [
    ({}, 1.1),
    ({"author": "a3"}, 1.1),
    ({"author": "b77"}, 1.1),
    ({"author": "nobody"}, 1.1),
    ({"hashtag": "h3"}, 1.1),
    ({"hashtag": "h77"}, 1.1),
    ({"mention": "m7"}, 1.1),
    ({"domain": "d3.example"}, 1.1),
    ({"language": "de"}, 1.1),
    ({"lang": "de"}, 1.1),
    ({"source": "rare"}, 1.1),
    ({"tag": "t5"}, 1.1),
    ({"sentiment": "negative"}, 1.1),
    ({"min_sentiment": 0.95}, 1.1),
    ({"max_sentiment": -2.0}, 1.1),
    ({"from_": after(_COUNT // 2)}, 1.1),
    ({"until": after(_COUNT // 2)}, 1.1),
    ({"from_": after(_COUNT // 4), "until": after(_COUNT // 2)}, 1.1),
]
_SEVERAL: list[tuple[dict[str, Any], float]] = [
    ({"author": "a3", "from_": after(_COUNT // 4), "until": after(_COUNT // 2)}, 1.1),
    ({"sentiment": "negative", "min_sentiment": -0.2, "max_sentiment": -0.1}, 1.1),
    # Of the posts of one index those are left that the other filters hold for, too: every third, tenth and so on.
    ({"hashtag": "h3", "sentiment": "negative"}, 4),
    ({"language": "de", "sentiment": "positive", "min_sentiment": 0.5}, 20),
    ({"author": "a3", "hashtag": "h3"}, 25),
    ({"author": "b77", "hashtag": "h3", "language": "en"}, 60),
    ({"author": "a3", "mention": "m7", "source": "web"}, 15),
    ({"tag": "x", "lang": "de", "source": "rare", "domain": "d3.example"}, 250),
]
_BY_WORDS: list[tuple[dict[str, Any], float]] = [
    ({"words": ("rare77",)}, 1.1),
    ({"words": ("rare77", "thing")}, 1.1),
]


class Profile:
    """What MongoDB did for one question."""

    def __init__(self, entry: Document) -> None:
        self.examined: int = entry["docsExamined"]
        self.found: int = entry["nreturned"]
        self.plan: str = entry["planSummary"]
        self.stages = repr(entry["execStats"])
        self.sorted = entry.get("hasSortStage", False)


async def profile_of(
    posts: AsyncDatabase[Document], filters: Filters, place: Any = None
) -> tuple[Profile, Any]:
    """Of the question itself, as it is asked."""
    await posts.command({"profile": 2})
    _, following = await PostListQueries(CurrentGeneration(posts)).page(filters, place, 50)
    await posts.command({"profile": 0})
    (entry,) = await posts["system.profile"].find({"ns": f"{posts.name}.{POSTS.name}"}).to_list()
    await posts.drop_collection("system.profile")
    return Profile(entry), following


async def test_every_question_uses_an_index_and_looks_at_little_in_vain(
    database: AsyncDatabase[Document],
) -> None:
    await apply_collections(database, text_index=True)
    for begin in range(0, _COUNT, 5_000):
        many = [post(n) for n in range(begin, min(begin + 5_000, _COUNT))]
        await database[POSTS.name].insert_many(many, ordered=False)
    for given, most in (*_ONE, *_SEVERAL, *_BY_WORDS):
        # Without a place and with one; and with one in the middle of what has the same time.
        middle = (after(_COUNT // 200 * 100), f"{_COUNT // 200 * 100 + 50:032d}")
        filters = Filters(**given)
        first, following = await profile_of(database, filters)
        others = [(await profile_of(database, filters, place))[0] for place in (following or middle, middle)]
        for profile in (first, *others):
            assert "IXSCAN" in profile.plan or "TEXT" in profile.plan, (given, profile.plan)
            assert "COLLSCAN" not in profile.stages, (given, profile.plan)
            assert profile.sorted == ("words" in given), (given, profile.plan)
            # What is found by its words has to be sorted: all that has the word is read, twice.
            read = 2 * _COUNT / 1009 + 2 if "words" in given else 1
            assert profile.examined <= most * max(profile.found, read), (given, vars(profile))
