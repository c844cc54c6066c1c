"""The state of the feed's connection, from statistics as librdkafka emits them."""

import json
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from query_api.live.connection import Connection, connection_from

TOPIC = "mine.post-analyses.v1"


def broker(nodeid: int, /, **fields: Any) -> dict[str, Any]:
    return {"name": f"b{nodeid}:9092/{nodeid}", "nodeid": nodeid, "state": "UP", "rxidle": 400_000} | fields


def partition(leader: int, /, **fields: Any) -> dict[str, Any]:
    return {"partition": 0, "leader": leader, "desired": True, "consumer_lag": 0} | fields


def state(brokers: list[dict[str, Any]], partitions: list[dict[str, Any]], topic: str = TOPIC) -> Connection:
    # Beside the brokers, librdkafka has one for each address that it begins with; beside the partitions, one
    # for records without any.
    beginning = broker(-1, name="b1:9092/bootstrap", rxidle=-1)
    without = partition(-1, desired=False, consumer_lag=-1)
    document = {
        "name": "rdkafka#consumer-1",
        "brokers": {each["name"]: each for each in (beginning, *brokers)},
        "topics": {
            topic: {
                "topic": topic,
                "partitions": {"-1": without, **{str(n): each for n, each in enumerate(partitions)}},
            },
            "another": {"topic": "another", "partitions": {"0": partition(9, consumer_lag=100)}},
        },
    }
    return connection_from(json.dumps(document), TOPIC)


def test_it_is_up_when_every_leader_answers() -> None:
    assert state([broker(1), broker(2)], [partition(1), partition(2), partition(1)]) == Connection(True, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"state": "DOWN"},
        {"state": "CONNECT"},
        {"state": "APIVERSION_QUERY"},
        {"rxidle": 3_000_000},
        {"rxidle": -1},
        {"nodeid": 3},
    ],
)
def test_one_leader_that_does_not_answer_is_enough(other: dict[str, Any]) -> None:
    assert not state([broker(1), broker(2, **other)], [partition(1), partition(2)]).up
    # Unless nothing is read from it.
    assert state([broker(1), broker(2, **other)], [partition(1), partition(1)]).up
    assert state([broker(1), broker(2, **other)], [partition(1), partition(2, desired=False)]).up


def test_a_partition_without_a_leader_is_not_read() -> None:
    # The address that was begun with has the number -1 as well.
    assert not state([broker(1)], [partition(1), partition(-1)]).up


@pytest.mark.parametrize("partitions", [[], [partition(1, desired=False)]])
def test_nothing_to_read_is_not_up(partitions: list[dict[str, Any]]) -> None:
    assert state([broker(1)], partitions) == Connection(up=False, lag=0)
    assert state([broker(1)], [partition(1)], topic="not ours") == Connection(up=False, lag=0)


def test_the_lag_is_that_of_all_partitions_as_far_as_known() -> None:
    partitions = [
        partition(1, consumer_lag=3),
        partition(1, consumer_lag=-1),
        partition(1, consumer_lag=4),
        partition(1, consumer_lag=50, desired=False),
    ]
    assert state([broker(1)], partitions).lag == 7


def test_the_metrics_follow() -> None:
    state([broker(1)], [partition(1, consumer_lag=3)])
    assert REGISTRY.get_sample_value("postpulse_feed_up") == 1
    assert REGISTRY.get_sample_value("postpulse_feed_lag_records") == 3
    state([], [partition(1)])
    assert REGISTRY.get_sample_value("postpulse_feed_up") == 0
    assert REGISTRY.get_sample_value("postpulse_feed_lag_records") == 0


@pytest.mark.parametrize("text", ["", "{}", '{"brokers": {}}', '{"brokers": {"a": {}}, "topics": {}}'])
def test_what_are_no_statistics_are_told(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        connection_from(text, TOPIC)
