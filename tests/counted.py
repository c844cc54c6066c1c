"""Posts as they count, and the counter documents that a pipeline has of them: in lanes, and folded with age."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from postpulse.counting.hyperloglog import place
from postpulse.settings import CountersSettings

_LANES = ("posts.v1/0", "posts.v1/1", "posts.v1/2")
_SIGNED = ("hashtag", "mention", "domain", "emoji", "keyword")
_MINUTELY = ("volume", "language", "detected_language", "sentiment", "words", "characters")


@dataclass(frozen=True)
class Counted:
    """One post."""

    at: datetime
    words: int = 3
    characters: int = 20
    author: str | None = None
    language: str | None = None
    detected_language: str = "und"
    sentiment: float | None = None
    hashtag: tuple[str, ...] = ()
    mention: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    emoji: tuple[str, ...] = ()
    keyword: tuple[str, ...] = ()

    def has(self, dimension: str, value: str) -> bool:
        found = getattr(self, dimension)
        return value in found if isinstance(found, tuple) else bool(found == value)


def label(sentiment: float) -> str:
    return "positive" if sentiment >= 0.05 else "negative" if sentiment <= -0.05 else "neutral"


def mean_of(values: Sequence[float]) -> Any:
    """Their mean as it is told: from thousandths of each, so that just half of one goes to either side."""
    return pytest.approx(sum(values) / len(values), abs=0.0005 + 1e-9) if values else None


def sentiment_sums(sentiments: Iterable[float]) -> dict[str, int]:
    """The amounts of the dimension sentiment."""
    sums = dict.fromkeys(
        ("posts", "sum", "positive", "neutral", "negative", *(f"p{n}" for n in range(20))), 0
    )
    for sentiment in sentiments:
        thousandths = round(sentiment * 1000)
        for name in ("posts", label(sentiment), f"p{min(19, (thousandths + 1000) // 100)}"):
            sums[name] += 1
        sums["sum"] += thousandths
    return sums


def _shares(post: Counted) -> Iterator[tuple[str, str, Mapping[str, int]]]:
    """Dimension, value and amounts of all that a post counts in, but for the distinct authors."""
    one = {"posts": 1}
    volume = {**one, "words": post.words, "characters": post.characters}
    yield "volume", "", volume
    yield "words", "", {f"b{post.words.bit_length()}": 1}
    yield "characters", "", {f"b{post.characters.bit_length()}": 1}
    yield "detected_language", post.detected_language, one
    if post.language is not None:
        yield "language", post.language, one
    rated: dict[str, int] = {}
    if post.sentiment is not None:
        sums = sentiment_sums([post.sentiment])
        yield "sentiment", "", {name: amount for name, amount in sums.items() if amount}
        rated = {"rated": 1, "sum": sums["sum"]}
    if post.author is not None:
        yield "author", post.author, volume | rated
    for dimension in _SIGNED:
        for value in getattr(post, dimension):
            yield dimension, value, one


def _bucket(
    time: datetime, dimension: str, now: datetime, settings: CountersSettings
) -> tuple[str, datetime]:
    """Granularity and beginning of the bucket that a share is in by now."""
    minute = time.replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    day = hour.replace(hour=0)
    if day + timedelta(days=1) <= now - timedelta(days=settings.hour_days):
        return "day", day
    if dimension not in _MINUTELY or hour + timedelta(hours=1) <= now - timedelta(days=settings.minute_days):
        return "hour", hour
    return "minute", minute


def documents(
    posts: Sequence[Counted], now: datetime, settings: CountersSettings, chance: random.Random
) -> list[dict[str, Any]]:
    """The counters of posts. Some were edited in another lane, so that lanes stand below zero; sums do not."""
    found: dict[tuple[str, str, datetime, str, str], dict[str, Any]] = {}

    def add(time: datetime, dimension: str, value: str, lane: str) -> dict[str, Any]:
        granularity, bucket = _bucket(time, dimension, now, settings)
        folded = granularity == "day" or (granularity == "hour" and dimension in _MINUTELY)
        lane = f"folded/{granularity}" if folded else lane
        key = (dimension, granularity, bucket, value, lane)
        names = ("dimension", "granularity", "bucket", "value", "lane")
        return found.setdefault(key, {"_id": "|".join(map(str, key)), **dict(zip(names, key, strict=True))})

    for post in posts:
        signs = [(1, chance.choice(_LANES))]
        if chance.random() < 0.2:
            signs += [(1, chance.choice(_LANES)), (-1, chance.choice(_LANES))]
        for sign, lane in signs:
            for dimension, value, amounts in _shares(post):
                document = add(post.at, dimension, value, lane)
                for name, amount in amounts.items():
                    document[name] = document.get(name, 0) + sign * amount
        if post.author is not None:
            index, rank = place(post.author)
            registers = add(post.at, "authors", "", signs[0][1]).setdefault("registers", {})
            registers[str(index)] = max(rank, registers.get(str(index), 0))
    return list(found.values())


def made_up(chance: random.Random, count: int, since: datetime, until: datetime) -> list[Counted]:
    """Posts at random times, with values of which few are frequent and many rare."""

    def some(prefix: str, most: int) -> tuple[str, ...]:
        return tuple(
            {f"{prefix}{int(chance.paretovariate(0.7)) % 40}" for _ in range(chance.randint(0, most))}
        )

    seconds = int((until - since).total_seconds())
    return [
        Counted(
            at=since + timedelta(seconds=chance.randrange(seconds), microseconds=chance.randrange(1_000_000)),
            words=int(chance.paretovariate(0.6)) % 3000,
            characters=int(chance.paretovariate(0.4)) % 200_000,
            author=chance.choice([None, *(f"author {n}" for n in range(30))]),
            language=chance.choice([None, *(f"l{chr(97 + n)}" for n in range(25)), "en", "en", "de"]),
            detected_language=chance.choice(["en", "en", "de", "und"]),
            sentiment=chance.choice([None, 0.0, 1.0, -1.0, round(chance.uniform(-1, 1), 4)]),
            hashtag=some("tag", 4),
            mention=some("name", 2),
            domain=some("site", 1),
            emoji=some("e", 1),
            keyword=some("word", 5),
        )
        for _ in range(count)
    ]


def between(posts: Iterable[Counted], since: datetime, until: datetime) -> list[Counted]:
    return [post for post in posts if since <= post.at < until]


def count_of(posts: Iterable[Counted], dimension: str) -> Counter[str]:
    """Value -> how many posts have it."""
    counts: Counter[str] = Counter()
    for post in posts:
        values = getattr(post, dimension)
        counts.update(values if isinstance(values, tuple) else [] if values is None else [values])
    return counts
