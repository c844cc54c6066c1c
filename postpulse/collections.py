"""Every MongoDB collection, declared once: its name, what a document is, its indexes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import ASCENDING, DESCENDING, TEXT, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.generations.state import FIRST, read_state
from postpulse.topics import DEAD_LETTERS as DEAD_LETTERS_TOPIC

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection; `description` says what a document is and what its _id is.

    Attributes:
        generated: whether it is derived from the log by the analysis, so that each generation has one of its own.
    """

    name: str
    description: str
    indexes: tuple[IndexModel, ...] = field(default=())
    generated: bool = False

    def name_in(self, generation: int) -> str:
        """Its name in a generation; the first one has the plain names."""
        return f"{self.name}.g{generation}" if self.generated and generation != FIRST else self.name


#: Longer posts (in code points) are not found by their words: each word of a post is a key more in the transaction
#: that writes it, and MongoDB has to hold all of them in its cache.
MOST_SEARCHED_CHARACTERS = 500


def _listed(*keys: tuple[str, int | str], only: Mapping[str, Any], **options: Any) -> IndexModel:
    """An index of analyzed posts, which lists are made of; `only` says which of them can be found by it."""
    return IndexModel(keys, partialFilterExpression={"state": "analyzed", **only}, **options)


_NEWEST_FIRST = (("created_at", DESCENDING), ("_id", DESCENDING))
_GIVEN: Document = {"$exists": True}
_ANY: Document = {"$gt": 0}
#: What lists of posts are filtered by, one index each: the posts it holds for, newest first. A query uses one only
#: where it says itself what the index is limited to. Each costs the writers little, but for that of the words.
_LISTS = (
    # Whatever else is asked: sentiments are many, so that few keys are passed over in vain.
    _listed(
        *_NEWEST_FIRST, ("analysis.sentiment_label", ASCENDING), ("analysis.sentiment", ASCENDING), only={}
    ),
    *(
        _listed((name, ASCENDING), *_NEWEST_FIRST, only={name: _GIVEN})
        for name in ("author", "lang", "source", "tags")
    ),
    _listed(("analysis.language", ASCENDING), *_NEWEST_FIRST, only={}),
    _listed(("analysis.hashtags", ASCENDING), *_NEWEST_FIRST, only={"analysis.num_of_hashtags": _ANY}),
    _listed(("analysis.mentions", ASCENDING), *_NEWEST_FIRST, only={"analysis.num_of_mentions": _ANY}),
    _listed(("analysis.domains", ASCENDING), *_NEWEST_FIRST, only={"analysis.num_of_urls": _ANY}),
)
#: Of posts, where the setting mongo.text_index has it. Words as they are, of whatever language; no field of a post
#: says another one.
TEXT_INDEX = _listed(
    ("content", TEXT),
    ("created_at", DESCENDING),
    only={"analysis.num_of_characters": {"$lte": MOST_SEARCHED_CHARACTERS}},
    default_language="none",
    language_override="no_such_field",
)

POSTS = Collection(
    name="posts",
    description="A post with its analysis; _id is the post_id. `partition` and `offset` are the place of its "
    "record in posts.v1, `redriven_from` the offset it had the first time, if it was redriven; `state` is "
    "analyzing, analyzed, deleted (a marker without content) or dead.",
    # What generations are counted by; nothing but the index is read for that.
    indexes=(
        IndexModel([("state", ASCENDING), ("analysis_version", ASCENDING), ("counters_version", ASCENDING)]),
        *_LISTS,
    ),
    generated=True,
)
COUNTERS = Collection(
    name="counters",
    description="Integer sums of one time bucket, dimension, value and lane; _id is all four. `lane` is the "
    "topic and partition whose worker writes it; queries sum over lanes.",
    # One for a window of all values and, one look a bucket, for a single value.
    indexes=(
        IndexModel(
            [
                ("dimension", ASCENDING),
                ("granularity", ASCENDING),
                ("bucket", ASCENDING),
                ("value", ASCENDING),
            ]
        ),
    ),
    generated=True,
)
COUNTER_DELTAS = Collection(
    name="counter_deltas",
    description="What one batch adds to the counters of one hour, in dimensions of many values; a field for each: "
    "a list of {value, amounts}, or registers. Folded into `counters` within seconds; queries read both.",
    indexes=(IndexModel([("bucket", ASCENDING)]),),
    generated=True,
)
CHECKPOINTS = Collection(
    name="checkpoints",
    description="How far one partition's effects reach; _id is topic/partition, `next` the offset of the "
    "first record without effects, `session` the MongoDB session of the worker that writes them, `generations` the "
    "version of the state of generations that its transactions know.",
)
CHUNK_RESULTS = Collection(
    name="chunk_results",
    description="Partial results of a post that is not merged yet; _id is post_id/offset/index.",
    indexes=(IndexModel([("post_id", ASCENDING), ("offset", ASCENDING)]),),
    generated=True,
)
DEAD_LETTERS = Collection(
    name="dead_letters",
    description="A record that could not be processed, as posts-dead-letter.v1 has it; _id is the key there. "
    "`post_id` is whose it is, null where that is not known; `post_offset` where a post's own record stood first.",
    indexes=(
        # The order of pages; what is filtered and counted by is in it, so that values need not be read for that.
        IndexModel(
            [
                ("dead_at", ASCENDING),
                ("_id", ASCENDING),
                ("stage", ASCENDING),
                ("error_class", ASCENDING),
                ("origin.topic", ASCENDING),
            ]
        ),
        IndexModel([("post_id", ASCENDING)]),
        # As long as the topic, which is where they can be had again.
        IndexModel([("dead_at", ASCENDING)], expireAfterSeconds=DEAD_LETTERS_TOPIC.retention_ms // 1000),
    ),
)

GUARDS = Collection(
    name="guards",
    description="Who works on one partition in one stage, and whether it ended well; _id is stage/partition. "
    "`owner` is a worker process, `left` whether it left of its own accord; `watch` how many batches are still "
    "marked one by one, `suspect` the offsets [from, to) of what is marked, `alone` whether it is under way, "
    "`kills` how many processes have died while that one record was.",
)

REPLAYS = Collection(
    name="replays",
    description="One replay; _id sorts by its creation. `selection` is what was asked for, `places` the offsets "
    "of single posts by partition, `state` waiting, running, done, cancelled or failed (with `reason`), `spans` "
    "{partition, from, to, next} of posts.v1, `copied` the records that went to posts-replay.v1.",
    indexes=(IndexModel([("state", ASCENDING), ("_id", ASCENDING)]),),
)
REPLAY_EFFECTS = Collection(
    name="replay_effects",
    description="How many records of one replay one lane of posts-replay.v1 has looked at, changed, left "
    "unchanged and given up; _id is replay/partition.",
    indexes=(IndexModel([("replay", ASCENDING)]),),
)
LOGS = Collection(
    name="logs",
    description="Which log of a topic is read; _id is the topic, `topic_id` the id that Kafka gave it, `past` "
    "those that it had before. `number` says which of its logs this is, from 0 (see postpulse.log_numbers), "
    "`numbers` the same of single partitions whose log was cut at its end, `broken` where that was found and is "
    "not read on. `version` counts changes.",
)
LEASES = Collection(
    name="leases",
    description="What only one worker may do at a time; _id names it, `owner` does it until `expires`.",
)
GENERATIONS = Collection(
    name="generations",
    description="One document, _id state: which generations there are, each with its number, status, "
    "analysis_version and times; `newest` is the highest number that was ever given.",
)

COLLECTIONS = (
    POSTS,
    COUNTERS,
    COUNTER_DELTAS,
    CHECKPOINTS,
    CHUNK_RESULTS,
    GUARDS,
    DEAD_LETTERS,
    REPLAYS,
    REPLAY_EFFECTS,
    LEASES,
    GENERATIONS,
    LOGS,
)
#: What each generation has of its own.
GENERATED = tuple(collection for collection in COLLECTIONS if collection.generated)


_INDEX_NOT_FOUND = 27


async def apply_collections(database: AsyncDatabase[Document], text_index: bool = False) -> None:
    """Create the collections and indexes that are missing, in every generation that is written; idempotent.

    Args:
        text_index: whether posts have one; where they are to have none, one that is there is dropped.
    """
    for collection in COLLECTIONS:
        if not collection.generated:
            await _apply(database, collection, collection.name)
    for number in (await read_state(database[GENERATIONS.name])).written:
        await apply_generation(database, number, text_index)


async def apply_generation(database: AsyncDatabase[Document], number: int, text_index: bool = False) -> None:
    """As `apply_collections`, of one generation."""
    for collection in GENERATED:
        await _apply(database, collection, collection.name_in(number))
    posts = database[POSTS.name_in(number)]
    if text_index:
        await posts.create_indexes([TEXT_INDEX])
    elif (name := TEXT_INDEX.document["name"]) in await posts.index_information():
        # Another process may be faster.
        await database.command("dropIndexes", posts.name, index=name, allowable_errors=[_INDEX_NOT_FOUND])


async def _apply(database: AsyncDatabase[Document], collection: Collection, name: str) -> None:
    # Before the first transaction: inside one, creating a collection may conflict with another worker's.
    if collection.indexes:
        await database[name].create_indexes(list(collection.indexes))
    else:
        await database[name].create_index([("_id", ASCENDING)])
