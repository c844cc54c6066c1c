"""What msgspec says of parameters, said to a caller."""

import re
from typing import Any

import msgspec

from postpulse.web.problems import Problem

#: Where msgspec says that a value is, at the end of its message.
_AT = re.compile(r" - at (?:`?key`? in )?`\$\.?(?P<field>\w*)[^`]*`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_TIME = "an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z"
_WORDS = {"from": _TIME, "until": _TIME}


def problem_of(exc: msgspec.ValidationError, parameters: type[msgspec.Struct]) -> Problem:
    """422, with the parameter and what is allowed.

    Args:
        parameters: all there are.
    """
    message = str(exc)
    unknown = _UNKNOWN.fullmatch(message)
    if unknown:
        allowed: list[Any] = [field.encode_name for field in msgspec.structs.fields(parameters)]
        return Problem(
            422,
            f"There is no parameter {unknown['field']}; there are {', '.join(allowed)}.",
            field=unknown["field"],
        )
    at = _AT.search(message)
    name = at["field"] if at else ""
    if not name:
        return Problem(422, f"The body must be a JSON object: {message}.")
    return Problem(
        422,
        f"{name} must be {_WORDS[name]}."
        if name in _WORDS
        else f"{name} is not allowed: {message[: at.start() if at else None]}.",
        field=name,
    )
