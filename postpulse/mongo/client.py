"""The MongoDB client, made one way everywhere: majority writes, journaled; times aware of their zone."""

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from postpulse.collections import Document, apply_collections
from postpulse.settings import MongoSettings


def connect(settings: MongoSettings, app_name: str) -> AsyncMongoClient[Document]:
    """A client for the running event loop; connects when first used. Close it with `await client.close()`."""
    return AsyncMongoClient(
        settings.uri.get_secret_value(),
        appname=app_name,
        tz_aware=True,
        w="majority",
        journal=True,
        retryWrites=True,
        serverSelectionTimeoutMS=int(settings.server_selection_timeout_seconds * 1000),
        connectTimeoutMS=5000,
    )


def database(client: AsyncMongoClient[Document], settings: MongoSettings) -> AsyncDatabase[Document]:
    return client[settings.database]


async def prepare_database(settings: MongoSettings, app_name: str) -> None:
    """Create the collections and indexes that are missing, with a client of its own.

    Raises:
        PyMongoError: there is no answer, or MongoDB refuses.
    """
    client = connect(settings, app_name)
    try:
        await apply_collections(database(client, settings), settings.has_text_index)
    finally:
        await client.close()
