"""Settings: where they come from, which one wins, and what is said of those that are not allowed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from postpulse.settings import (
    ConfigurationError,
    Settings,
    load_settings,
    setting_names,
    variable_name,
)

WriteFile = Callable[[str], Path]

#: A value that is not the default, for every setting, as the environment has it.
OTHER = {
    "POSTPULSE_KAFKA_BOOTSTRAP_SERVERS": "b1:9092,b2:9092",
    "POSTPULSE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "POSTPULSE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "POSTPULSE_KAFKA_SASL_USERNAME": "123",
    "POSTPULSE_KAFKA_SASL_PASSWORD": '["null"]',
    "POSTPULSE_KAFKA_SSL_CA_LOCATION": "/etc/ca.pem",
    "POSTPULSE_KAFKA_TOPIC_PREFIX": "mine.",
    "POSTPULSE_KAFKA_PARTITIONS": "12",
    "POSTPULSE_KAFKA_REPLICATION_FACTOR": "3",
    "POSTPULSE_KAFKA_MIN_INSYNC_REPLICAS": "2",
    "POSTPULSE_KAFKA_COMPRESSION": "zstd",
    "POSTPULSE_KAFKA_LINGER_MS": "0.5",
    "POSTPULSE_KAFKA_DELIVERY_TIMEOUT_SECONDS": "2.5",
    "POSTPULSE_KAFKA_QUEUE_MAX_MESSAGES": "500",
    "POSTPULSE_KAFKA_QUEUE_MAX_KBYTES": "2048",
    "POSTPULSE_MONGO_URI": "mongodb+srv://db.example",
    "POSTPULSE_MONGO_DATABASE": "other",
    "POSTPULSE_MONGO_SERVER_SELECTION_TIMEOUT_SECONDS": "0.5",
    "POSTPULSE_MONGO_TEXT_INDEX": "on",
    "POSTPULSE_HTTP_HOST": "::1",
    "POSTPULSE_HTTP_PORT": "8080",
    "POSTPULSE_HTTP_SHUTDOWN_GRACE_SECONDS": "0",
    "POSTPULSE_INTAKE_MAX_CONTENT_BYTES": "1000",
    "POSTPULSE_INTAKE_MAX_BATCH_BYTES": "2000",
    "POSTPULSE_INTAKE_MAX_BATCH_ITEMS": "3",
    "POSTPULSE_INTAKE_MAX_TAGS": "0",
    "POSTPULSE_INTAKE_COMPRESSION": "zstd",
    "POSTPULSE_SPOOL_DIRECTORY": "/var/spool/postpulse",
    "POSTPULSE_SPOOL_MAX_BYTES": "2000000",
    "POSTPULSE_SPOOL_PATIENCE_SECONDS": "0.5",
    "POSTPULSE_IDS_KEYS": "the-newest-key-of-all, an-older-key-of-all",
    "POSTPULSE_WORKER_GROUP": "others",
    "POSTPULSE_WORKER_BATCH_MAX_RECORDS": "10",
    "POSTPULSE_WORKER_BATCH_MAX_BYTES": "1024",
    "POSTPULSE_WORKER_CONCURRENCY": "1",
    "POSTPULSE_WORKER_CHUNK_CHARS": "256",
    "POSTPULSE_WORKER_SESSION_TIMEOUT_SECONDS": "6",
    "POSTPULSE_WORKER_REBALANCE_GRACE_SECONDS": "0",
    "POSTPULSE_WORKER_COMMIT_INTERVAL_SECONDS": "0.05",
    "POSTPULSE_WORKER_MAX_FAILED_RUN": "7",
    "POSTPULSE_WORKER_MAX_FAILED_SHARE": "0.5",
    "POSTPULSE_WORKER_MAX_KILLS": "3",
    "POSTPULSE_WORKER_ON_LOST_RECORDS": "continue",
    "POSTPULSE_WORKER_COMPUTE_SECONDS_LIMIT": "60.0",
    "POSTPULSE_WORKER_METRICS_PORT": "9100",
    "POSTPULSE_REPLAY_MAX_SHARE": "0.5",
    "POSTPULSE_REPLAY_MAX_AHEAD": "50",
    "POSTPULSE_REPLAY_GRACE_SECONDS": "3600.0",
    "POSTPULSE_COUNTERS_MINUTE_DAYS": "3",
    "POSTPULSE_COUNTERS_HOUR_DAYS": "30",
    "POSTPULSE_COUNTERS_DAY_DAYS": "365",
    "POSTPULSE_CACHE_MAX_BYTES": "0",
    "POSTPULSE_REDIS_URL": "rediss://user:pass@cache.example:6380/1",
    "POSTPULSE_REDIS_TIMEOUT_SECONDS": "1",
    "POSTPULSE_LOG_LEVEL": "debug",
    "POSTPULSE_LOG_FORMAT": "json",
}


@pytest.fixture
def write_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteFile:
    """Writes the text to the file that POSTPULSE_CONFIG names."""

    def write(text: str) -> Path:
        path = tmp_path / "postpulse.toml"
        path.write_text(text)
        monkeypatch.setenv("POSTPULSE_CONFIG", str(path))
        return path

    return write


def complaint() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return str(caught.value)


def test_every_setting_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(OTHER) == [variable_name(*setting) for setting in setting_names()]
    before = load_settings()
    for variable, value in OTHER.items():
        monkeypatch.setenv(variable, value)
    after = load_settings()
    for section, name in setting_names():
        assert getattr(getattr(after, section), name) != getattr(getattr(before, section), name), name
    assert after.kafka.sasl_username == "123"
    assert after.kafka.ssl_ca_location == Path("/etc/ca.pem")
    # What looks like JSON is text like any other.
    assert after.kafka.sasl_password is not None
    assert after.kafka.sasl_password.get_secret_value() == '["null"]'
    assert [key.get_secret_value() for key in after.ids.keys] == [
        "the-newest-key-of-all",
        "an-older-key-of-all",
    ]


def test_the_environment_wins_over_the_file_setting_by_setting(
    monkeypatch: pytest.MonkeyPatch, write_file: WriteFile
) -> None:
    write_file(
        '[kafka]\npartitions = 9\ncompression = "gzip"\n[ids]\nkeys = ["a-key-with, a comma"]\n'
        "[worker]\ncommit_interval_seconds = 2\n"
    )
    monkeypatch.setenv("POSTPULSE_KAFKA_PARTITIONS", "12")
    monkeypatch.setenv("POSTPULSE_KAFKA_LINGER_MS", "1")
    settings = load_settings()
    assert (settings.kafka.partitions, settings.kafka.compression, settings.kafka.linger_ms) == (
        12,
        "gzip",
        1.0,
    )
    assert settings.worker.commit_interval_seconds == 2.0
    assert [key.get_secret_value() for key in settings.ids.keys] == ["a-key-with, a comma"]
    assert settings.http == Settings.model_construct().http


def test_an_empty_name_of_a_file_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTPULSE_CONFIG", "")
    assert load_settings() == Settings()


def test_settings_are_read_only() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.kafka.partitions = 7  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        settings.log = settings.log  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("KAFKA_PARTITIONS", "0", "greater than or equal to 1"),
        ("KAFKA_PARTITIONS", "1001", "less than or equal to 1000"),
        ("KAFKA_PARTITIONS", "", "a valid integer"),
        ("KAFKA_PARTITIONS", "six", "a valid integer"),
        ("KAFKA_PARTITIONS", "6.5", "a valid integer"),
        ("KAFKA_LINGER_MS", "nan", "less than or equal to 1000"),
        ("KAFKA_LINGER_MS", "-1", "greater than or equal to 0"),
        ("KAFKA_DELIVERY_TIMEOUT_SECONDS", "inf", "less than or equal to 300"),
        ("KAFKA_BOOTSTRAP_SERVERS", "", "at least 1 character"),
        ("KAFKA_COMPRESSION", "zip", "'none', 'gzip', 'snappy', 'lz4' or 'zstd'"),
        ("KAFKA_SECURITY_PROTOCOL", "ssl", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ("KAFKA_TOPIC_PREFIX", "a b", "A-Za-z0-9._-"),
        ("MONGO_URI", "http://ada:hush@db", "must start with mongodb:// or mongodb+srv://"),
        ("MONGO_DATABASE", "a.b", "A-Za-z0-9_-"),
        ("HTTP_HOST", "", "at least 1 character"),
        ("HTTP_PORT", "65536", "less than or equal to 65535"),
        ("IDS_KEYS", "hush-too-short", "16 to 64 bytes"),
        ("IDS_KEYS", "hush-long-enough-to-be-one,hush" + "y" * 64, "16 to 64 bytes"),
        ("WORKER_GROUP", "", "A-Za-z0-9._-"),
        ("LOG_LEVEL", "INFO", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_value_that_is_not_allowed_names_its_setting_and_what_is(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(f"POSTPULSE_{variable}", value)
    said = complaint()
    assert said.startswith(f"POSTPULSE_{variable}: ")
    assert allowed in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (
            {"KAFKA_MIN_INSYNC_REPLICAS": "2"},
            "min_insync_replicas must not be more than replication_factor",
        ),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "ada"},
            "security_protocol SASL_SSL needs sasl_mechanism, sasl_password",
        ),
        (
            {"COUNTERS_MINUTE_DAYS": "91"},
            "minute_days must not be more than hour_days",
        ),
        (
            {"COUNTERS_DAY_DAYS": "89"},
            "day_days must be 0 (for good) or not less than hour_days",
        ),
    ],
)
def test_settings_that_do_not_go_together_name_one_another(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(f"POSTPULSE_{variable}", value)
    section = next(iter(variables)).partition("_")[0]
    assert complaint() == f"POSTPULSE_{section}_…: {reason}"


def test_every_value_at_fault_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTPULSE_KAFKA_PARTITIONS", "0")
    monkeypatch.setenv("POSTPULSE_LOG_LEVEL", "loud")
    lines = complaint().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "POSTPULSE_KAFKA_PARTITIONS",
        "POSTPULSE_LOG_LEVEL",
    ]


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("POSTPULSE_KAFKA_PARTITION", "did you mean POSTPULSE_KAFKA_PARTITIONS?"),
        ("POSTPULSE_MONGODB_URI", "did you mean POSTPULSE_MONGO_URI?"),
        ("POSTPULSE_CONFG", "did you mean POSTPULSE_CONFIG?"),
        ("postpulse_http_port", "did you mean POSTPULSE_HTTP_PORT?"),
        ("POSTPULSE_SOMETHING_ELSE", "`postpulse config` lists them all"),
        ("POSTPULSE_KAFKA", "`postpulse config` lists them all"),
    ],
)
def test_an_unknown_variable_is_an_error(monkeypatch: pytest.MonkeyPatch, variable: str, hint: str) -> None:
    monkeypatch.setenv(variable, "hush")
    assert complaint() == f"{variable}: no such setting; {hint}"


def test_what_is_said_to_the_tests_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTPULSE_TEST_PROGRAMS", "kcat")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[kafak]\npartitions = 3", "kafak: no such setting"),
        ("[kafka]\npartition = 3", "kafka.partition: no such setting"),
        ("partitions = 3", "partitions: no such setting"),
        ("kafka = 3", "POSTPULSE_KAFKA_…: "),
        ("[kafka]\npartitions = 0", "POSTPULSE_KAFKA_PARTITIONS: input should be greater than or equal to 1"),
        ("[kafka]\npartitions = true", "POSTPULSE_KAFKA_PARTITIONS: must not be true or false"),
        ("[kafka.partitions]\nposts = 3", "POSTPULSE_KAFKA_PARTITIONS: input should be a valid integer"),
        ("[kafka]\nlinger_ms = nan", "POSTPULSE_KAFKA_LINGER_MS: "),
        ("[mongo]\nuri = 5", "POSTPULSE_MONGO_URI: input should be a valid string"),
        ("[ids]\nkeys = [1]", "POSTPULSE_IDS_KEYS: input should be a valid string"),
        ('[ids]\nkeys = ["hush"]', "POSTPULSE_IDS_KEYS: each key must be 16 to 64 bytes long"),
        ("partitions: 3", "POSTPULSE_CONFIG: "),
    ],
)
def test_a_file_is_held_to_the_same(write_file: WriteFile, text: str, said: str) -> None:
    write_file(text)
    assert complaint().startswith(said)
    assert "hush" not in complaint()


def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_file: WriteFile
) -> None:
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        monkeypatch.setenv("POSTPULSE_CONFIG", str(path))
        assert complaint().startswith(f"POSTPULSE_CONFIG: cannot read {path}: {reason}")
    path = write_file("[kafka")
    assert complaint().startswith(f"POSTPULSE_CONFIG: {path} is not TOML: ")
    path.write_bytes(b'[mongo]\nuri = "\xff"')
    assert complaint().startswith(f"POSTPULSE_CONFIG: {path} is not TOML: ")


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTPULSE_KAFKA_SASL_PASSWORD", "kafka-hush")
    monkeypatch.setenv("POSTPULSE_MONGO_URI", "mongodb://ada:mongo-hush@db")
    monkeypatch.setenv("POSTPULSE_IDS_KEYS", "first-key-hush-hush,second-key-hush-hush")
    settings = load_settings()
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert "hush" not in shown


def test_a_service_that_cannot_start_says_why_and_nothing_else() -> None:
    program = subprocess.run(
        [sys.executable, "-m", "postpulse", "config"],
        env={"POSTPULSE_MONGO_URI": "ada:hush@db", "POSTPULSE_KAFKA_PARTITIONS": "none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert program.returncode == 2
    assert "POSTPULSE_MONGO_URI: must start with" in program.stderr
    assert "POSTPULSE_KAFKA_PARTITIONS: " in program.stderr
    assert "Traceback" not in program.stderr
    assert "hush" not in program.stderr + program.stdout
