"""Which stack a command talks to: the one that the settings name, else the running `postpulse up`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from postpulse.settings import Settings, load_settings

_F = TypeVar("_F", bound=Callable[..., Any])


def data_dir_option(function: _F) -> _F:
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Of the `postpulse up` to talk to, where it is not the default one.",
    )(function)


def url_option(function: _F) -> _F:
    return click.option(
        "--url",
        metavar="URL",
        help="Of the APIs. Default: POSTPULSE_HTTP_HOST and PORT, else the running `postpulse up`, "
        "else http://127.0.0.1:5000.",
    )(function)


def answer_options(function: _F) -> _F:
    """Of commands that ask an API and print its answer."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
    return as_json(url_option(data_dir_option(function)))


def reach(data_dir: Path | None) -> Settings:
    """The settings in force; where they name no server, those of the stack that runs on the data directory.

    Raises:
        ConfigurationError: a setting is not allowed.
        click.UsageError: a data directory is named and no stack runs on it.
    """
    from postpulse.embedded.running import adopt_running_stack

    settings = load_settings()
    named = "bootstrap_servers" in settings.kafka.model_fields_set or "uri" in settings.mongo.model_fields_set
    if data_dir is None and named:
        return settings
    if adopt_running_stack(data_dir.absolute() if data_dir else None) is not None:
        return load_settings()
    if data_dir is not None:
        raise click.UsageError(f"No `postpulse up` runs on {data_dir}.")
    return settings


def api_address(url: str | None, data_dir: Path | None) -> str:
    """The address of the APIs, `http://host:port`, without a slash at its end.

    Raises:
        ConfigurationError: a setting is not allowed.
        click.UsageError: the URL is none, or no stack runs on the data directory that is named.
    """
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise click.UsageError("--url must start with http:// or https://")
        return url.rstrip("/")
    http = reach(data_dir).http
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)  # noqa: S104
    return f"http://[{host}]:{http.port}" if ":" in host else f"http://{host}:{http.port}"
