"""Everything that is counted, through the whole pipeline, against a count of the documents that are left."""

from collections import Counter

from postpulse.collections import COUNTER_DELTAS
from postpulse.counting import hyperloglog
from postpulse.counting.dimensions import AUTHORS, DIMENSIONS
from postpulse.counting.rows import counter_rows
from postpulse.events import Post
from postpulse.topics import POSTS
from tests.pipeline import Document, Pipeline

_LONG = "Nine words are what this #one sentence of @mine has. " * 800


def _counted(pipeline: Pipeline) -> Counter[tuple[str, str, str]]:
    """(dimension, value, amount) -> sum over all buckets and lanes."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for dimension in DIMENSIONS:
        for row in pipeline.database.counters.aggregate(counter_rows(COUNTER_DELTAS.name, dimension)):
            for name, amount in row.items():
                if isinstance(amount, int):
                    sums[dimension.name, row["value"], name] += amount
    return Counter({key: amount for key, amount in sums.items() if amount})


def _expected(documents: list[Document]) -> Counter[tuple[str, str, str]]:
    sums: Counter[tuple[str, str, str]] = Counter()
    for document in documents:
        of = document["analysis"]
        sizes = {"posts": 1, "words": of["num_of_words"], "characters": of["num_of_characters"]}
        mean = {} if of["sentiment"] is None else {"sum": round(of["sentiment"] * 1000)}
        rows = [("volume", "", sizes), ("detected_language", of["language"], {"posts": 1})]
        rows += [(name[:-1], each, {"posts": 1}) for name in ("hashtags", "mentions") for each in of[name]]
        rows += [("domain", each, {"posts": 1}) for each in of["domains"]]
        rows += [("emoji", each, {"posts": 1}) for each in of["emoji"]]
        rows += [("keyword", each["word"], {"posts": 1}) for each in of["keywords"]]
        rows += [(name, "", {f"b{sizes[name].bit_length()}": 1}) for name in ("words", "characters")]
        if "author" in document:
            rows.append(("author", document["author"], sizes | ({"rated": 1} | mean if mean else {})))
        if mean:
            part = min(int((of["sentiment"] + 1) * 10), 19)
            rows.append(("sentiment", "", {"posts": 1, of["sentiment_label"]: 1, f"p{part}": 1} | mean))
        for dimension, value, amounts in rows:
            for name, amount in amounts.items():
                sums[dimension, value, name] += amount
    return Counter({key: amount for key, amount in sums.items() if amount})


def _analyzed(pipeline: Pipeline) -> list[Document]:
    return list(pipeline.database.posts.find({"state": "analyzed"}))


def test_posts_edits_and_deletes_leave_what_the_documents_say(pipeline: Pipeline, tweets: list[str]) -> None:
    posts = [pipeline.post(text, author=f"author {n % 7}") for n, text in enumerate(tweets[:400])]
    posts.append(pipeline.post(_LONG, author="author 1"))
    pipeline.start_worker()
    pipeline.send(*posts)
    pipeline.wait_analyzed(len(posts))
    assert _counted(pipeline) == _expected(_analyzed(pipeline))
    assert sum(amount for (name, *_), amount in _counted(pipeline).items() if name == "hashtag") > 20

    edited = [Post(**{**_fields(post), "content": f"{post.content} #edited"}) for post in posts[::3]]
    pipeline.send(*edited)
    for post in posts[1::3]:
        pipeline.delete(post.post_id)
    pipeline.flush()
    pipeline.wait_committed(POSTS)
    assert _counted(pipeline)["hashtag", "edited", "posts"] == len(edited)
    assert _counted(pipeline) == _expected(_analyzed(pipeline))

    for post in posts:
        pipeline.delete(post.post_id)
    pipeline.flush()
    pipeline.wait_for("all to be deleted", lambda: not _analyzed(pipeline))
    assert _counted(pipeline) == {}


def test_distinct_authors_are_estimated(pipeline: Pipeline) -> None:
    posts = [pipeline.post("Hello.", author=f"author {n % 300}") for n in range(600)]
    pipeline.start_worker()
    pipeline.send(*posts)
    pipeline.wait_analyzed(len(posts))
    registers: dict[str, int] = {}
    for counter in pipeline.database.counters.aggregate(counter_rows(COUNTER_DELTAS.name, AUTHORS)):
        for register, rank in counter["registers"].items():
            registers[register] = max(rank, registers.get(register, 0))
    assert abs(hyperloglog.estimate(registers) - 300) < 300 * 3 * hyperloglog.ERROR


def _fields(post: Post) -> Document:
    return {name: getattr(post, name) for name in post.__struct_fields__}
