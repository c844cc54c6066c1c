"""What `postpulse up` decides for its services, and what it leaves to its user."""

from pathlib import Path

import pytest

from postpulse.embedded.mongod import EmbeddedMongo
from postpulse.embedded.wiring import StackOptions, decide, effective, environment
from postpulse.settings import Settings, load_settings


def test_the_spool_is_on_in_the_data_directory(tmp_path: Path) -> None:
    decided = decide(StackOptions(tmp_path), Settings(), None, None)
    assert effective(Settings(), decided).spool.directory == tmp_path / "spool"
    assert environment(decided)["POSTPULSE_SPOOL_DIRECTORY"] == str(tmp_path / "spool")


@pytest.mark.parametrize("directory", ["", "/elsewhere"])
def test_a_spool_that_is_set_or_turned_off_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: str
) -> None:
    monkeypatch.setenv("POSTPULSE_SPOOL_DIRECTORY", directory)
    settings = load_settings()
    assert settings.spool.directory == (Path(directory) if directory else None)
    decided = decide(StackOptions(tmp_path), settings, None, None)
    assert "POSTPULSE_SPOOL_DIRECTORY" not in environment(decided)


@pytest.mark.parametrize("setting", ["on", "off"])
def test_posts_are_found_by_their_words_unless_that_is_turned_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    options, mongo = StackOptions(tmp_path), EmbeddedMongo(tmp_path / "mongo")
    assert decide(options, load_settings(), None, mongo)["mongo", "text_index"] == "on"
    monkeypatch.setenv("POSTPULSE_MONGO_TEXT_INDEX", setting)
    decided = decide(options, load_settings(), None, mongo)
    assert ("mongo", "text_index") not in decided
    assert effective(load_settings(), decided).mongo.text_index == setting
