"""Documents of posts, as the agents that read posts make and write them."""

import time
from collections.abc import Callable, Mapping

from pymongo import DeleteMany

from postpulse.collections import Document
from postpulse.dead_letters import is_superseded
from stream_processors import analysis
from stream_processors.agents.last_words import LastWord
from stream_processors.runtime.slices import Slices
from stream_processors.sink import posts
from stream_processors.sink.transaction import Changes

#: Of a text that is analyzed, or split, apart from the event loop: it may take longer than a slice.
_LONG_CHARS = 2_000


def received(word: LastWord, chunks: int = 1) -> Document:
    """The document of a post that is not analyzed yet, by its record, which is no tombstone."""
    assert word.post is not None
    return _said(word, posts.received(word.post, word.place, chunks))


async def documents_of(words: Mapping[str, LastWord], chunk_chars: int) -> dict[str, Document]:
    """The documents that records ask for, by post_id.

    Args:
        chunk_chars: posts longer than this are not analyzed here; their documents say in how many pieces they are.
    """
    documents: dict[str, Document] = {}
    async with Slices() as slices:
        for post_id, word in words.items():
            await slices.pause()
            if word.post is not None and len(word.post.content) > _LONG_CHARS:
                documents[post_id] = await slices.apart(_document, post_id, word, chunk_chars)
            else:
                documents[post_id] = _document(post_id, word, chunk_chars)
    return documents


def _document(post_id: str, word: LastWord, chunk_chars: int) -> Document:
    if word.post is None:
        return _said(word, posts.deleted(post_id, word.place, word.deleted_at))
    content = word.post.content
    if len(content) > chunk_chars:
        return received(word, len(analysis.split(content, chunk_chars)))
    began = time.perf_counter_ns()
    metrics = analysis.analyze(content)
    return posts.analyzed(received(word), metrics, (time.perf_counter_ns() - began) // 1000)


def _said(word: LastWord, document: Document) -> Document:
    if word.redriven_from is not None:
        document["redriven_from"] = word.redriven_from
    return document


def is_later_word(document: Document, before: Document) -> bool:
    """Whether a document says something newer on its post than the one that is there.

    One of the same place was delivered again; one of a redriven record, or of a post that was deleted while it was
    on its way, may be older than its place in the log.
    """
    if before["offset"] >= document["offset"]:
        return False
    if "redriven_from" in document and is_superseded(before, document["redriven_from"]):
        return False
    return document["state"] == "deleted" or not posts.comes_too_late(document["received_at"], before)


def is_last_word(document: Document, before: Document) -> bool:
    """Whether a document says something newer than the one that is there, in whichever order their records came.

    Where a log is read from its start while its end is written, what is there may be of a later record; and that
    may be a redriven one, which says something older.
    """
    if before["state"] == "dead" and "content" not in before:
        # A record that cannot be read takes nothing away from a post that could be.
        return True
    if _said_at(document) <= _said_at(before):
        return False
    return document["state"] == "deleted" or not posts.comes_too_late(document["received_at"], before)


def _said_at(document: Document) -> tuple[int, int]:
    offset: int = document["offset"]
    return document.get("redriven_from", offset), offset


async def put_where(
    changes: Changes,
    existing: Mapping[str, Document],
    documents: Mapping[str, Document],
    replaces: Callable[[Document, Document], bool],
) -> dict[str, Document]:
    """Write those documents that are new, or replace the one before; partial results of what they replace go.

    Args:
        existing: what is there, by post_id.
        replaces: whether a document takes the place of the one before.

    Returns:
        What is written.
    """
    written: dict[str, Document] = {}
    superseded: list[str] = []
    async with Slices() as slices:
        for post_id, document in documents.items():
            await slices.pause()
            before = existing.get(post_id)
            if before is not None:
                if not replaces(document, before):
                    continue
                if before["state"] in ("analyzing", "dead"):
                    superseded.append(post_id)
            changes.put(before, document)
            written[post_id] = document
    if superseded:
        changes.result_writes.append(DeleteMany({"post_id": {"$in": superseded}}))
    return written
