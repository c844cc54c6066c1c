"""docs/settings.md has every setting, as postpulse/settings.py declares it."""

import re
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from postpulse.settings import Settings, setting_names, variable_name

_ROOT = Path(__file__).resolve().parents[3]
_PAGE = _ROOT / "docs" / "settings.md"


def _fields() -> Iterator[tuple[str, str, FieldInfo]]:
    for section, name in setting_names():
        model = Settings.model_fields[section].annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        yield section, name, model.model_fields[name]


def allowed(field: FieldInfo) -> str:
    """The third column."""
    kind: Any = field.annotation
    if get_origin(kind) in (types.UnionType, Union):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        return "secrets of 16 to 64 bytes, comma-separated; in the file a list"
    text = {int: "integer", float: "number", str: "text", SecretStr: "secret", Path: "path"}[kind]
    bounds: dict[str, Any] = {}
    for rule in field.metadata:
        match rule:
            case Ge(ge=least):
                bounds["least"] = least
            case Le(le=most):
                bounds["most"] = most
            case MinLen(min_length=1):
                text += ", not empty"
            case _:
                text += f", `{rule.pattern}`"
    match bounds:
        case {"least": least, "most": most}:
            text += f", {least} to {most}"
        case {"least": least}:
            text += f", at least {least}"
    return text


def default(field: FieldInfo) -> str:
    """The fourth column."""
    value = field.get_default()
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    return "none" if value is None or value == () else "empty" if value == "" else f"`{value}`"


def _rows() -> list[list[str]]:
    rows = [
        # A bar inside code is no border of a cell; there is none so far.
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in _PAGE.read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert all(len(row) == 5 for row in rows)
    return rows


def test_every_setting_is_there_in_the_order_of_its_declaration() -> None:
    assert [row[0] for row in _rows()] == [f"`{variable_name(*setting)}`" for setting in setting_names()]


@pytest.mark.parametrize(
    ("section", "name", "field"), [pytest.param(*field, id=f"{field[0]}.{field[1]}") for field in _fields()]
)
def test_what_is_said_of_it_is_so(section: str, name: str, field: FieldInfo) -> None:
    (row,) = (row for row in _rows() if row[0] == f"`{variable_name(section, name)}`")
    assert row[1:4] == [f"`{name}`", allowed(field), default(field)]
    assert row[4].endswith(".")


def test_each_stands_below_its_table_of_the_file() -> None:
    text = _PAGE.read_text("utf-8")
    sections = re.split(r"^## .*`\[(\w+)\]`$", text, flags=re.M)[1:]
    found = {
        section: re.findall(r"^\| `\w+` \| `(\w+)`", body, re.M)
        for section, body in zip(sections[::2], sections[1::2], strict=True)
    }
    expected: dict[str, list[str]] = {}
    for section, name in setting_names():
        expected.setdefault(section, []).append(name)
    assert found == expected


def test_the_example_is_allowed() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", _PAGE.read_text("utf-8"), re.M | re.S)
    settings = Settings.model_validate(tomllib.loads(example))
    assert settings.kafka.replication_factor == 3
    assert len(settings.ids.keys) == 2


def test_the_readme_leads_there() -> None:
    assert "(docs/settings.md)" in (_ROOT / "README.md").read_text("utf-8")
