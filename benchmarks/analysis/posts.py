"""What is analyzed: 4,200 tweets with their human ratings and a novel, or texts made up where these are absent."""

import os
import random
from pathlib import Path
from typing import NamedTuple

from benchmarks.servers import ROOT

NUMBER = 4_200
_LONG = 1_000_000

_WORDS = """a about after again all and are at because best better but can coffee day every feel for friend
game good great happy have here home how in is it just last late like long love morning movie music my never
new next night not now of on one our out people phone really sad school so song sorry still talk than thanks
that the there they thing think this time to today tomorrow tonight try very wait want was watch week well
were what when why will with work world worst would year you"""
_EXTRAS = "#{0} @{0} https://{0}.example.com/a?b=1 😂 ❤️ :) &amp; LOL don't it's"


class Posts(NamedTuple):
    """Attributes:
    texts: the posts.
    ratings: the mean of twenty people's ratings of each, -4 to 4; None for made-up posts.
    long: one text of a million characters.
    """

    texts: list[str]
    ratings: list[float] | None
    long: str


def load() -> Posts:
    """The test data that `POSTPULSE_TEST_DATA` names, else posts made up, the same ones every time."""
    folder = Path(os.environ.get("POSTPULSE_TEST_DATA") or ROOT.parent / "shared" / "data")
    tweets, novel = folder / "tweets" / "tweets_GroundTruth.txt", folder / "prose" / "pride-and-prejudice.txt"
    maker = random.Random(1)
    if tweets.is_file():
        rows = [line.split("\t", 2) for line in tweets.read_text("utf-8").splitlines() if line]
        texts, ratings = [row[2] for row in rows], [float(row[1]) for row in rows]
    else:
        texts, ratings = [_made_up(maker) for _ in range(NUMBER)], None
    prose = (
        novel.read_text("utf-8") if novel.is_file() else " ".join(_made_up(maker) for _ in range(2 * NUMBER))
    )
    return Posts(texts, ratings, (prose * (_LONG // len(prose) + 1))[:_LONG])


def _made_up(maker: random.Random) -> str:
    """One to three English sentences with what posts have in them."""
    sentences = []
    for _ in range(maker.randint(1, 3)):
        words = maker.choices(_WORDS.split(), k=maker.randint(3, 12))
        if maker.random() < 0.4:
            words.append(maker.choice(_EXTRAS.split()).format(maker.choice(words)))
        sentences.append(" ".join(words).capitalize() + maker.choice(".!?"))
    return " ".join(sentences)
