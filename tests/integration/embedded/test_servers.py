"""The embedded servers are the real ones, and keep what they have acknowledged."""

from pymongo import MongoClient

from postpulse.settings import Settings


def test_a_test_gets_servers_and_names_of_its_own(settings: Settings) -> None:
    assert settings.kafka.topic_prefix
    with MongoClient[dict[str, int]](settings.mongo.uri.get_secret_value()) as client:
        with client.start_session() as session, session.start_transaction():
            client[settings.mongo.database]["things"].insert_one({"_id": 1}, session=session)
        assert client[settings.mongo.database]["things"].count_documents({}) == 1
