"""`postpulse config`: the settings in force."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from postpulse.cli.tables import print_json, print_table
from postpulse.settings import Settings, load_settings, setting_names, variable_name

_MASK = "********"


@dataclass(frozen=True, slots=True)
class _Setting:
    section: str
    name: str
    value: Any
    """As JSON has it; secrets masked."""
    is_secret: bool
    is_default: bool

    @property
    def variable(self) -> str:
        return variable_name(self.section, self.name)


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@click.option(
    "--toml", "as_toml", is_flag=True, help="Print a file for POSTPULSE_CONFIG, without the secrets."
)
def command(as_json: bool, as_toml: bool) -> None:
    """Print every setting: its variable, its value, whether that is the default. Secrets are masked.

    A setting is an environment variable, or stands in the TOML file that POSTPULSE_CONFIG names; the
    environment wins. Exit code 2 if a setting is not allowed.

    \b
    Examples:
      postpulse config
      postpulse config --json | jq -r '.[] | select(.default | not) | .variable'
      postpulse config --toml > postpulse.toml
    """
    if as_json and as_toml:
        raise click.UsageError("--json and --toml exclude each other.")
    settings = list(_settings(load_settings()))
    if as_toml:
        click.echo(_toml(settings))
    elif as_json:
        print_json([{"variable": s.variable, "value": s.value, "default": s.is_default} for s in settings])
    else:
        print_table(
            ("Variable", "Value", ""),
            [(s.variable, _text(s.value), "default" if s.is_default else "set") for s in settings],
        )


def _settings(settings: Settings) -> Iterator[_Setting]:
    defaults = Settings.model_construct()
    for section, name in setting_names():
        value = getattr(getattr(settings, section), name)
        default = getattr(getattr(defaults, section), name)
        secrets = value if isinstance(value, tuple) else (value,)
        is_secret = any(isinstance(secret, SecretStr) for secret in secrets)
        yield _Setting(section, name, _shown(section, value), is_secret, value == default)


def _shown(section: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return [_shown(section, part) for part in value]
    if isinstance(value, SecretStr):
        return _without_secrets(value.get_secret_value()) if section == "mongo" else _MASK
    return str(value) if isinstance(value, Path) else value


def _without_secrets(uri: str) -> str:
    """A MongoDB URI with its user and password, and the values of options that may carry secrets, masked."""
    uri = re.sub(r"//.*@", f"//{_MASK}@", uri, flags=re.DOTALL)
    return re.sub(
        r"([?&;][^=&;]*(?:password|properties)[^=&;]*=)[^&;]*", rf"\1{_MASK}", uri, flags=re.IGNORECASE
    )


def _text(value: Any) -> str | None:
    if value is None or value == []:
        return None
    return ", ".join(value) if isinstance(value, list) else str(value)


def _toml(settings: list[_Setting]) -> str:
    lines: list[str] = []
    section = ""
    for setting in settings:
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        if setting.is_secret:
            lines.append(f"# {setting.name} = …  (a secret: set {setting.variable})")
        elif setting.value is None:
            lines.append(f"# {setting.name} =")
        else:
            # The strings, numbers and lists of JSON are TOML as well.
            lines.append(f"{setting.name} = {json.dumps(setting.value)}")
    return "\n".join(lines[1:])
