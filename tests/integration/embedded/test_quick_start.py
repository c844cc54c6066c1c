"""The cache that lets the broker start quickly."""

from pathlib import Path

import pytest

from postpulse.embedded import start_cache
from postpulse.embedded.jars import cache_folder
from postpulse.embedded.java import find_java
from postpulse.embedded.kafka import EmbeddedKafka
from postpulse.embedded.ports import choose_port
from postpulse.embedded.processes import ProcessRecord
from postpulse.embedded.quick_start import QuickStartMaker
from tests.waiting import wait_until


@pytest.fixture
def own_cache(kafka_broker: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the jars, which the session's broker has fetched, and nothing else."""
    assert kafka_broker.bootstrap_servers
    jars = cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache_folder().parent.mkdir(parents=True)
    cache_folder().symlink_to(jars)
    return cache_folder().parent


def test_it_is_made_once_and_used(own_cache: Path, tmp_path: Path) -> None:
    java = find_java()
    if start_cache.cache_path(java) is None:
        pytest.skip("this Java is too old to make one")
    assert start_cache.options(java) == []

    started: list[ProcessRecord] = []
    cancelled = QuickStartMaker(tmp_path / "cancelled", started.append)
    cancelled.start()
    wait_until("the broker", lambda: any(record.name == "quick-start kafka-1" for record in started))
    cancelled.cancel()
    assert cancelled.wait(10)
    assert not (tmp_path / "cancelled").exists()
    assert [record for record in started if record.find()] == []
    assert list(own_cache.glob("*.aot*")) == list(own_cache.glob("*.tried")) == []

    maker = QuickStartMaker(tmp_path / "made")
    maker.start()
    assert maker.wait(120)
    assert start_cache.options(java)[0].startswith("-XX:AOTCache=")

    broker = EmbeddedKafka(tmp_path / "kafka", ports=[choose_port()])
    broker.start()
    broker.stop()
    assert any(option.startswith("-XX:AOTCache=") for option in broker.children[0].command)
    assert "[error]" not in broker.children[0].log_path.read_text()
