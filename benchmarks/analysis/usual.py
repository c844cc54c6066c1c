"""The usual composition: NLTK's tokenizer, usual regular expressions, VADER over the whole text, langdetect.

Called with a JSON file of posts and a number of passes; prints one JSON object.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import regex
from langdetect import DetectorFactory, LangDetectException, detect
from nltk.tokenize import RegexpTokenizer, TweetTokenizer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.analysis.clock import WARM_UP, best, timed

DetectorFactory.seed = 0  # its documentation's way to the same answer every time

tokenizer = TweetTokenizer()
# NLTK's punkt has to be downloaded; this is its tokenizer for patterns.
sentence_tokenizer = RegexpTokenizer(r"(?<=[.!?])\s+|\n+", gaps=True)
analyzer = SentimentIntensityAnalyzer()

WORD = regex.compile(r"\p{L}[\p{L}\p{M}'’]*|\p{N}+")
HASHTAG = regex.compile(r"#(\w+)")
MENTION = regex.compile(r"@(\w+)")
URL = regex.compile(r"https?://\S+|www\.\S+")
STOP_WORDS = """a about all am an and are as at be been but by can do for from had has have he her his
how i i'm if in is it it's its just me my no not of on or our out she so that the their them then there
they this to up was we were what when which who will with would you your"""
STOP_WORD_SET = frozenset(STOP_WORDS.split())


def words(text: str) -> dict[str, Any]:
    found = [token for token in tokenizer.tokenize(text) if WORD.fullmatch(token)]
    lowered = [word.lower() for word in found]
    counts = Counter(word for word in lowered if word not in STOP_WORD_SET)
    return {
        "num_of_words": len(found),
        "num_of_unique_words": len(set(lowered)),
        "avg_word_len": sum(map(len, found)) / len(found) if found else None,
        "keywords": counts.most_common(10),
    }


def sentences(text: str) -> dict[str, Any]:
    return {"num_of_sentences": len(sentence_tokenizer.tokenize(text))}


def entities(text: str) -> dict[str, Any]:
    return {
        "hashtags": HASHTAG.findall(text),
        "mentions": MENTION.findall(text),
        "urls": URL.findall(text),
    }


def language(text: str) -> dict[str, Any]:
    try:
        return {"language": detect(text)}
    except LangDetectException:  # nothing to judge
        return {"language": "und"}


def sentiment(text: str) -> dict[str, Any]:
    return {"sentiment": analyzer.polarity_scores(text)["compound"]}


PARTS = {
    "words and keywords": words,
    "sentences": sentences,
    "entities": entities,
    "language": language,
    "sentiment": sentiment,
}


def analyze(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in PARTS.values():
        values.update(part(text))
    return values


def main(path: str, passes: int) -> None:
    posts = json.loads(Path(path).read_text("utf-8"))
    for post in posts[:WARM_UP]:
        analyze(post)
    parts, answers = {}, {}
    for name, part in PARTS.items():
        parts[name], answers[name] = timed(part, posts)
    result = {
        "parts": parts,
        "microseconds": best(analyze, posts, passes),
        "sentiment": [answer["sentiment"] for answer in answers["sentiment"]],
        "language": [answer["language"] for answer in answers["language"]],
    }
    sys.stdout.write(json.dumps(result))


main(sys.argv[1], int(sys.argv[2]))
