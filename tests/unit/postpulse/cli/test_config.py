"""`postpulse config` shows every setting and no secret."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from postpulse.cli.config import command
from postpulse.settings import load_settings, setting_names, variable_name

_SECRETS = {
    "POSTPULSE_KAFKA_SASL_PASSWORD": "kafka-hush",
    "POSTPULSE_IDS_KEYS": "first-key-hush-hush, second-key-hush-hush",
    "POSTPULSE_MONGO_URI": "mongodb://ada:mongo-hush@db1,db2/?authMechanismProperties=TOKEN:prop-hush"
    "&tlsCertificateKeyFilePassword=file-hush&retryWrites=true",
}


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in _SECRETS.items():
        monkeypatch.setenv(variable, value)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def as_json() -> dict[str, dict[str, Any]]:
    return {setting["variable"]: setting for setting in json.loads(run("--json"))}


@pytest.mark.parametrize("form", [(), ("--json",), ("--toml",)])
@pytest.mark.usefixtures("_secrets")
def test_no_form_shows_a_secret(form: tuple[str, ...]) -> None:
    output = run(*form)
    assert "hush" not in output
    assert "ada" not in output
    assert "POSTPULSE_MONGO_URI" in output


@pytest.mark.usefixtures("_secrets")
def test_json_tells_that_secrets_are_set_and_what_is_no_secret() -> None:
    settings = as_json()
    assert settings["POSTPULSE_KAFKA_SASL_PASSWORD"]["value"] == "********"
    assert settings["POSTPULSE_IDS_KEYS"] == {
        "variable": "POSTPULSE_IDS_KEYS",
        "value": ["********", "********"],
        "default": False,
    }
    uri = settings["POSTPULSE_MONGO_URI"]["value"]
    assert uri.startswith("mongodb://********@db1,db2/?authMechanismProperties=********&")
    assert uri.endswith("&retryWrites=true")


def test_every_setting_is_there_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTPULSE_KAFKA_PARTITIONS", "9")
    settings = as_json()
    assert list(settings) == [variable_name(*setting) for setting in setting_names()]
    assert settings["POSTPULSE_KAFKA_PARTITIONS"] == {
        "variable": "POSTPULSE_KAFKA_PARTITIONS",
        "value": 9,
        "default": False,
    }
    assert {name for name, setting in settings.items() if not setting["default"]} == {
        "POSTPULSE_KAFKA_PARTITIONS"
    }


def test_what_toml_prints_is_read_as_the_same_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POSTPULSE_WORKER_COMMIT_INTERVAL_SECONDS", "0.25")
    monkeypatch.setenv("POSTPULSE_KAFKA_SSL_CA_LOCATION", str(tmp_path / 'a "name".pem'))
    monkeypatch.setenv("POSTPULSE_KAFKA_TOPIC_PREFIX", "mine.")
    before = load_settings()
    file = tmp_path / "postpulse.toml"
    file.write_text(run("--toml"))
    assert tomllib.loads(file.read_text())["kafka"]["topic_prefix"] == "mine."
    for variable in ("WORKER_COMMIT_INTERVAL_SECONDS", "KAFKA_SSL_CA_LOCATION", "KAFKA_TOPIC_PREFIX"):
        monkeypatch.delenv(f"POSTPULSE_{variable}")
    assert load_settings() != before
    monkeypatch.setenv("POSTPULSE_CONFIG", str(file))
    assert load_settings() == before


def test_two_forms_at_once_are_refused() -> None:
    result = CliRunner().invoke(command, ["--json", "--toml"])
    assert result.exit_code == 2
    assert "exclude each other" in result.output
