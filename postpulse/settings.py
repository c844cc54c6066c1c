"""One frozen tree of settings, from the environment and a TOML file.

`POSTPULSE_KAFKA_BOOTSTRAP_SERVERS` in the environment is `[kafka] bootstrap_servers` in the file named by
`POSTPULSE_CONFIG`; the environment wins. Every value is validated when a service starts, and an error names
the setting and what is allowed. A `POSTPULSE_…` variable that is no setting is an error too: a misspelt name
must not silently leave a default in force.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "POSTPULSE_"
CONFIG_VARIABLE = "POSTPULSE_CONFIG"
#: Variables that begin so are no settings of the services: they tell the tests where things are.
TEST_PREFIX = "POSTPULSE_TEST_"


class ConfigurationError(Exception):
    """The settings cannot be used; the message names each one at fault, a line each."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: object) -> object:
        # No setting is one, and `partitions = true` in a file would be taken for 1.
        if isinstance(value, bool):
            raise ValueError("must not be true or false")  # noqa: TRY004 -- pydantic asks for a ValueError
        return value


Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]


class KafkaSettings(_Section):
    bootstrap_servers: str = Field("127.0.0.1:9092", min_length=1)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_location: Path | None = None
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,60}$")
    """Put before every topic and consumer group, so that several pipelines share a cluster."""
    partitions: int = Field(6, ge=1, le=1000)
    """Of each topic, chosen once: changing it for `posts.v1` means a rebuild."""
    replication_factor: int = Field(1, ge=1, le=7)
    min_insync_replicas: int = Field(1, ge=1, le=7)
    compression: Compression = "lz4"
    """Of what workers send, in large batches."""
    linger_ms: float = Field(3.0, ge=0, le=1000)
    delivery_timeout_seconds: float = Field(10.0, ge=1, le=300)
    """How long a record may wait for its acknowledgement before its sender is told that it failed."""
    queue_max_messages: int = Field(100_000, ge=100)
    queue_max_kbytes: int = Field(262_144, ge=1024)

    @model_validator(mode="after")
    def _complete(self) -> "KafkaSettings":
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError("min_insync_replicas must not be more than replication_factor")
        if self.security_protocol.startswith("SASL"):
            missing = [
                name
                for name in ("sasl_mechanism", "sasl_username", "sasl_password")
                if getattr(self, name) is None
            ]
            if missing:
                raise ValueError(f"security_protocol {self.security_protocol} needs {', '.join(missing)}")
        return self


class MongoSettings(_Section):
    uri: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    database: str = Field("postpulse", pattern=r"^[A-Za-z0-9_-]{1,38}$")
    server_selection_timeout_seconds: float = Field(5.0, ge=0.1, le=120)
    text_index: Literal["on", "off"] = "off"
    """Whether posts can be found by their words, which costs the workers much."""

    @property
    def has_text_index(self) -> bool:
        return self.text_index == "on"

    @field_validator("uri")
    @classmethod
    def _scheme(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("must start with mongodb:// or mongodb+srv://")
        return value


class HttpSettings(_Section):
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(5000, ge=0, le=65535)
    shutdown_grace_seconds: float = Field(5.0, ge=0, le=300)
    """How long requests under way may take to finish when the service stops."""


class IntakeSettings(_Section):
    """What the ingest API accepts."""

    max_content_bytes: int = Field(1_048_576, ge=1, le=4_194_304)
    """Of one post's content, as UTF-8."""
    max_batch_bytes: int = Field(33_554_432, ge=1024)
    """Of one request, unpacked."""
    max_batch_items: int = Field(10_000, ge=1)
    max_tags: int = Field(50, ge=0, le=1000)
    compression: Compression = "none"
    """Of posts on their way to the brokers. A few at a time leave together: that takes more than it saves."""


class SpoolSettings(_Section):
    """Where the ingest API keeps posts while the brokers are away."""

    directory: Path | None = None
    """For one process alone. None: there is no spool, and posts are refused while the brokers are away."""
    max_bytes: int = Field(1_073_741_824, ge=1_048_576)
    patience_seconds: float = Field(2.0, ge=0.1, le=300)
    """How long a post waits for its acknowledgement before it goes into the spool."""

    @field_validator("directory", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        # So that it can be turned off where it is on otherwise, as in `postpulse up`.
        return None if value == "" else value


class IdsSettings(_Section):
    keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """The ring of secrets behind post ids, comma-separated, newest first. Ids are made with the first and
    recognized with any: to rotate, put a new one in front and keep the old."""

    @field_validator("keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("keys")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(not 16 <= len(key.get_secret_value().encode()) <= 64 for key in value):
            raise ValueError("each key must be 16 to 64 bytes long")
        return value


class WorkerSettings(_Section):
    group: str = Field("stream-processors", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    batch_max_records: int = Field(500, ge=1, le=10_000)
    batch_max_bytes: int = Field(4_194_304, ge=1024)
    """A batch is cut when its records reach this many bytes; one larger record is a batch of its own."""
    concurrency: int = Field(3, ge=1, le=64)
    """Batches (of different partitions) that each agent may have under way at once."""
    chunk_chars: int = Field(16_384, ge=256, le=1_000_000)
    """A post longer than this is split and analysed in parallel."""
    session_timeout_seconds: float = Field(10.0, ge=2, le=300)
    rebalance_grace_seconds: float = Field(3.0, ge=0, le=60)
    """How long batches under way may take to finish when their partitions are revoked."""
    commit_interval_seconds: float = Field(0.5, ge=0.05, le=60)
    max_failed_run: int = Field(50, ge=1)
    """Records in a row that may fail for no known reason before a stage dead-letters no more."""
    max_failed_share: float = Field(0.1, ge=0, le=1)
    """The same as a share of the last 1,000 records, once there were 100."""
    max_kills: int = Field(2, ge=1, le=100)
    """Workers that a record may end, processed alone, before it is dead-lettered untried."""
    on_lost_records: Literal["stop", "continue"] = "stop"
    """Where records are gone that were not read, or a topic was deleted and made again."""
    compute_seconds_limit: float = Field(300.0, ge=1, le=86_400)
    """A worker that computes at one record for longer than this ends itself."""
    metrics_port: int = Field(0, ge=0, le=65535)
    """Where a worker serves `/metrics` and `/health/…`; 0 takes a free port."""


class ReplaySettings(_Section):
    """How much a replay may take from live posts."""

    max_share: float = Field(0.1, ge=0.01, le=1)
    """Of the time of each worker, while live records come."""
    max_ahead: int = Field(300, ge=1, le=100_000)
    """Records that are copied and not looked at yet."""
    grace_seconds: float = Field(86_400, ge=60, le=30 * 86_400)
    """For which the former generation is kept after queries were switched to another one."""


class CountersSettings(_Section):
    """How finely counters are kept, and for how long; by the time of the posts, in whole days."""

    minute_days: int = Field(7, ge=1, le=36_500)
    """After which minutes are folded into hours."""
    hour_days: int = Field(90, ge=1, le=36_500)
    """After which hours are folded into days of UTC."""
    day_days: int = Field(0, ge=0, le=36_500)
    """After which days leave only what they add up to; 0 keeps them for good."""

    @model_validator(mode="after")
    def _coarser_for_longer(self) -> "CountersSettings":
        if self.minute_days > self.hour_days:
            raise ValueError("minute_days must not be more than hour_days")
        if self.day_days and self.day_days < self.hour_days:
            raise ValueError("day_days must be 0 (for good) or not less than hour_days")
        return self


class CacheSettings(_Section):
    """Finished answers that the query API keeps in its process."""

    max_bytes: int = Field(67_108_864, ge=0)
    """0: none."""


class RedisSettings(_Section):
    """A Redis or Valkey in which all processes of the query API share finished answers."""

    url: SecretStr | None = None
    """None: there is none."""
    timeout_seconds: float = Field(0.25, ge=0.01, le=10)
    """How long it is waited for; then the database is asked."""

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(
            ("redis://", "rediss://", "unix://")
        ):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    """`auto` is `console` on a terminal and `json` elsewhere."""


class Settings(BaseSettings):
    """All settings of all services; read-only. Make it with `load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        hide_input_in_errors=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    mongo: MongoSettings = MongoSettings()
    http: HttpSettings = HttpSettings()
    intake: IntakeSettings = IntakeSettings()
    spool: SpoolSettings = SpoolSettings()
    ids: IdsSettings = IdsSettings()
    worker: WorkerSettings = WorkerSettings()
    replay: ReplaySettings = ReplaySettings()
    counters: CountersSettings = CountersSettings()
    cache: CacheSettings = CacheSettings()
    redis: RedisSettings = RedisSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # What load_settings passes in is the file; the environment overrides it.
        return env_settings, init_settings


def variable_name(section: str, name: str) -> str:
    """The environment variable of a setting: `("kafka", "partitions")` -> `POSTPULSE_KAFKA_PARTITIONS`."""
    return f"{PREFIX}{section}_{name}".upper()


def setting_names() -> Iterator[tuple[str, str]]:
    """Every setting as (section, name), in the order of declaration."""
    for section, field in Settings.model_fields.items():
        section_type = field.annotation
        assert isinstance(section_type, type)
        assert issubclass(section_type, BaseModel)
        for name in section_type.model_fields:
            yield section, name


def load_settings() -> Settings:
    """The settings in force.

    Raises:
        ConfigurationError: a value is not allowed, a name is unknown, or the file cannot be read.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**_read_file())
    except ValidationError as exc:
        raise ConfigurationError("\n".join(_describe(error) for error in exc.errors())) from None


def _refuse_unknown_variables() -> None:
    known = {variable_name(*setting) for setting in setting_names()} | {CONFIG_VARIABLE}
    # Compared without the prefix: all names have it, so that any two would be alike.
    names = {variable.removeprefix(PREFIX) for variable in known}
    problems = []
    for variable in sorted(os.environ):
        if variable.startswith(TEST_PREFIX):
            continue
        # In small letters they would be read by some and not by others.
        if variable.upper().startswith(PREFIX) and variable not in known:
            close = difflib.get_close_matches(variable.upper().removeprefix(PREFIX), names, n=1)
            hint = f"; did you mean {PREFIX}{close[0]}?" if close else "; `postpulse config` lists them all"
            problems.append(f"{variable}: no such setting{hint}")
    if problems:
        raise ConfigurationError("\n".join(problems))


def _read_file() -> dict[str, Any]:
    path = os.environ.get(CONFIG_VARIABLE)
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as exc:
        raise ConfigurationError(f"{CONFIG_VARIABLE}: cannot read {path}: {exc.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{CONFIG_VARIABLE}: {path} is not TOML: {exc}") from None


def _describe(error: ErrorDetails) -> str:
    location = [str(part) for part in error["loc"]]
    if len(location) >= 2 and tuple(location[:2]) in set(setting_names()):
        where = variable_name(location[0], location[1])
    elif location and location[0] in Settings.model_fields and len(location) == 1:
        where = f"{PREFIX}{location[0]}_…".upper()
    else:
        return f"{'.'.join(location)}: no such setting; `postpulse config` lists them all"
    reason = error["msg"].removeprefix("Value error, ")
    return f"{where}: {reason[0].lower()}{reason[1:]}"
