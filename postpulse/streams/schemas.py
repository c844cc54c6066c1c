"""JSON schemas of the events, from their Structs and the docstrings of their fields."""

import ast
import inspect
from functools import cache
from textwrap import dedent
from typing import Any

import msgspec

from postpulse import events

Schema = dict[str, Any]

EVENTS = (events.Post, events.Chunk, events.ChunkAnalysis, events.Analysis, events.DeadLetter)


@cache
def schemas() -> dict[str, Schema]:
    """Name -> JSON Schema (draft 2020-12) of every event and of what they are made of, refs to one another as
    AsyncAPI and OpenAPI have them."""
    _, components = msgspec.json.schema_components(EVENTS, ref_template="#/components/schemas/{name}")
    for name, schema in components.items():
        said = _field_docs(getattr(events, name))
        for field, described in schema.get("properties", {}).items():
            if field in said:
                described["description"] = said[field]
    return components


def _field_docs(struct: type) -> dict[str, str]:
    """Field -> the string that stands below it in the source: Python keeps those of classes only."""
    (definition,) = ast.parse(dedent(inspect.getsource(struct))).body
    assert isinstance(definition, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            docs[field.target.id] = inspect.cleandoc(str(below.value.value))
    return docs
