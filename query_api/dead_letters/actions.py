"""Send the records of dead letters back, or let them go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from postpulse.collections import Document
from postpulse.dead_letters import is_erased, is_superseded, letter_id, redrive_headers
from postpulse.events import Failure
from postpulse.kafka.publisher import BrokerUnavailableError, Publisher, Record
from postpulse.settings import KafkaSettings
from postpulse.telemetry import metrics
from postpulse.topics import DEAD_LETTERS, POST_CHUNK_ANALYSES, POST_CHUNKS, POSTS, topic_name
from query_api.queries.dead_letters import DeadLetterQueries, Filters, Place, origin_of, place_of

log = structlog.get_logger(__name__)

#: Values that are in memory at once.
_PIECE_BYTES = 8 * 1024 * 1024
#: Values that one request moves.
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """A letter that was left where it is; `reason` is for programs, `detail` a sentence."""

    id: str
    reason: str
    detail: str


@dataclass(slots=True)
class Outcome:
    """What was done, or would be: ids of letters."""

    done: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    left: int = 0
    """Letters that the filters also hold for and that were not looked at."""
    after: Place | None = None
    """Where to go on, if any are left."""


class Actions:
    """Redrive and discard.

    Args:
        publisher: started, in the same loop.
        settings: with the prefix of the topics.
    """

    def __init__(self, queries: DeadLetterQueries, publisher: Publisher, settings: KafkaSettings) -> None:
        self._queries = queries
        self._publisher = publisher
        self._letters_topic = topic_name(DEAD_LETTERS, settings)
        self._posts_topic = topic_name(POSTS, settings)
        self._back_to = {topic_name(topic, settings) for topic in (POSTS, POST_CHUNKS, POST_CHUNK_ANALYSES)}

    async def select(
        self, which: Filters | Sequence[str], after: Place | None, limit: int
    ) -> tuple[list[Document], Outcome]:
        """The letters to work on, oldest first and without their bytes, and an outcome to put what is done into.

        Args:
            which: filters, or keys.
            after: where a former outcome said to go on.
            limit: the most letters; fewer where their values are large.

        Raises:
            PyMongoError: there is no answer.
        """
        outcome = Outcome()
        if not isinstance(which, Filters):
            letters = await self._queries.with_keys(which)
            found = {letter["_id"] for letter in letters}
            outcome.refused = [_not_found(key) for key in which if key not in found]
            return letters, outcome
        letters, outcome.after = await self._queries.oldest(which, after, limit)
        size = 0
        for number, letter in enumerate(letters):
            size += letter["value_bytes"]
            if size > _MOST_BYTES and number:
                letters = letters[:number]
                outcome.after = place_of(letters[-1])
                break
        if outcome.after is not None:
            outcome.left = await self._queries.count(which, outcome.after)
        return letters, outcome

    async def redrive(self, letters: Sequence[Document], outcome: Outcome, dry_run: bool = False) -> None:
        """Put records back on the topics that they came from, with what failed before in their headers.

        A record is acknowledged before its letter is taken away. Whoever dies in between leaves the letter, and the
        record may go back twice: the second has no effect, since a post's document remembers which of its records
        it is made of, and results of chunks are kept by their index.

        Raises:
            PublishError: the brokers are away; what the outcome does not name is as it was.
            PyMongoError: there is no answer; the same.
        """
        willing = await self._willing(letters, outcome)
        if dry_run:
            outcome.done = [letter_id(letter["_id"]) for letter in willing]
            return
        # In the log's order: of two records of one post the later one has the last word again.
        willing.sort(key=lambda letter: [letter["origin"][name] for name in ("topic", "partition", "offset")])
        for piece in _pieces(willing):
            by_key = {letter["_id"]: letter for letter in await self._queries.whole(piece)}
            outcome.refused += [_not_found(key) for key in piece if key not in by_key]
            keys = [key for key in piece if key in by_key]
            errors = await self._publisher.send_all([_record(by_key[key]) for key in keys])
            back = [key for key, error in zip(keys, errors, strict=True) if error is None]
            if not back and keys and not self._publisher.available:
                raise BrokerUnavailableError("no broker can be reached")
            await self._take_away(back, outcome, "redriven")
            outcome.refused += [
                Refusal(letter_id(key), "not_acknowledged", f"The brokers did not take it back: {error}.")
                for key, error in zip(keys, errors, strict=True)
                if error is not None
            ]

    async def discard(self, letters: Sequence[Document], outcome: Outcome, dry_run: bool = False) -> None:
        """Let letters go for good.

        Raises:
            PublishError: the brokers are away; what the outcome does not name may be as it was.
            PyMongoError: there is no answer; the letters are gone once a worker has read so.
        """
        keys = [letter["_id"] for letter in letters]
        if dry_run:
            outcome.done = [letter_id(key) for key in keys]
        else:
            await self._take_away(keys, outcome, "discarded")

    async def _take_away(self, keys: Sequence[str], outcome: Outcome, how: str) -> None:
        if not keys:
            return
        await self._publisher.publish([Record(self._letters_topic, key.encode(), None, []) for key in keys])
        await self._queries.forget(keys)
        outcome.done += [letter_id(key) for key in keys]
        metrics.DEAD_LETTERS_SETTLED.labels(how).inc(len(keys))
        log.info(f"dead letters {how}", letters=len(keys))

    async def _willing(self, letters: Sequence[Document], outcome: Outcome) -> list[Document]:
        """Those whose records may go back; the others are refused."""
        posts = await self._queries.standing({letter["post_id"] for letter in letters if letter["post_id"]})
        willing: list[Document] = []
        for letter in letters:
            post = posts.get(letter["post_id"])
            if letter["origin"]["topic"] not in self._back_to:
                outcome.refused.append(_no_way_back(letter))
            elif post is not None and self._is_outdated(letter, post):
                outcome.refused.append(_superseded(letter, post))
            else:
                willing.append(letter)
        return willing

    def _is_outdated(self, letter: Document, post: Document) -> bool:
        """Whether the record would bring back what was replaced or deleted since.

        An edit or a delete may still come between this and the record. The agent that reads it asks the same.
        """
        if letter["origin"]["topic"] != self._posts_topic:
            return is_erased(letter, post)
        # Only offsets of one partition can be compared.
        same = post["partition"] == letter["origin"]["partition"]
        return same and is_superseded(post, letter["post_offset"])


def _record(letter: Document) -> Record:
    origin = origin_of(letter["origin"])
    first = origin_of(letter["redriven_from"]) if letter["redriven_from"] else origin
    history = [_failure(failure) for failure in letter["history"]]
    headers = redrive_headers(
        [(name, value) for name, value in letter["headers"]],
        first,
        int(letter["attempt"]) + 1,
        [*history, _failure(letter)],
    )
    return Record(origin.topic, letter["key"], letter["value"], headers)


def _failure(document: Document) -> Failure:
    return Failure(
        origin=origin_of(document["origin"]),
        stage=document["stage"],
        reason=document["reason"],
        error_class=document["error_class"],
        dead_at=round(document["dead_at"].timestamp() * 1000),
    )


def _pieces(letters: Sequence[Document]) -> Iterator[list[str]]:
    """Keys of letters whose values together are not much."""
    piece: list[str] = []
    size = 0
    for letter in letters:
        if piece and size + letter["value_bytes"] > _PIECE_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(letter["_id"])
        size += letter["value_bytes"]
    if piece:
        yield piece


def _not_found(key: str) -> Refusal:
    return Refusal(
        letter_id(key), "not_found", "There is no such dead letter; it may have been settled already."
    )


def _no_way_back(letter: Document) -> Refusal:
    topic = letter["origin"]["topic"]
    return Refusal(
        letter_id(letter["_id"]), "no_way_back", f"Nothing is read from {topic} that could take it."
    )


def _superseded(letter: Document, post: Document) -> Refusal:
    since = "deleted" if post["state"] == "deleted" else "replaced by a newer record"
    return Refusal(letter_id(letter["_id"]), "superseded", f"The post {post['_id']} was {since} since.")
