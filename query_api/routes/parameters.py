"""Parameters of a request as a Struct; what msgspec says of them, said to the caller."""

import re
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from postpulse.counting.dimensions import BY_NAME
from postpulse.web.problems import Problem

#: Where msgspec says that a value is, at the end of its message.
_AT = re.compile(r" - at (?:`?key`? in )?`\$\.?(?P<field>\w*)[^`]*`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_JSON_SPACE = b" \t\r\n"
_TIME = "an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z"
_WORDS = {"from": _TIME, "until": _TIME}


_P = TypeVar("_P", bound=msgspec.Struct)


def _number(text: str) -> float:
    """In JSON 2.0 is the same number as 2."""
    number = float(text)
    return int(number) if number.is_integer() else number


_decoder = msgspec.json.Decoder(float_hook=_number)


def body_parameters(body: bytes, parameters: type[_P]) -> _P:
    """The parameters in a JSON body; an empty one says nothing.

    Raises:
        Problem: 400 where it is not JSON, 422.
    """
    try:
        given = _decoder.decode(body.strip(_JSON_SPACE) or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Problem(400, f"The body is not JSON: {exc}.") from None
    return _converted(given, parameters, strict=True)


def query_parameters(query: dict[str, str], parameters: type[_P]) -> _P:
    """The parameters of a query string.

    Raises:
        Problem: 422.
    """
    return _converted(query, parameters, strict=False)


def as_analyzed(name: str, value: str) -> str:
    """A value in the form in which analyses have it, such as a hashtag without its sign.

    Args:
        name: of the parameter, and of the dimension that counts such values.

    Raises:
        Problem: 422; it is nothing but a sign.
    """
    written = BY_NAME[name].written(value)
    if not written:
        raise Problem(422, f"{name} must be more than its sign.", field=name)
    return written


def _converted(given: Any, parameters: type[_P], *, strict: bool) -> _P:
    try:
        converted = msgspec.convert(given, parameters, strict=strict)
    except msgspec.ValidationError as exc:
        raise _problem_of(exc, parameters) from None
    for field in _fields(parameters):
        name, value = field.encode_name, getattr(converted, field.name)
        if name not in given:
            continue
        # In a query msgspec takes the word null for none, and numbers for times; that is not what is offered.
        if value is None:
            raise Problem(422, f"{name} must not be null; leave it out instead.", field=name)
        if isinstance(value, datetime) and ":" not in given[name]:
            raise Problem(422, f"{name} must be {_TIME}.", field=name)
    return converted


@cache
def _fields(parameters: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    # msgspec evaluates the annotations anew each time.
    return msgspec.structs.fields(parameters)


def _problem_of(exc: msgspec.ValidationError, parameters: type[msgspec.Struct]) -> Problem:
    """422, with the parameter and what is allowed.

    Args:
        parameters: all there are.
    """
    message = str(exc)
    unknown = _UNKNOWN.fullmatch(message)
    if unknown:
        allowed: list[Any] = [field.encode_name for field in _fields(parameters)]
        return Problem(
            422,
            f"There is no parameter {unknown['field']}; there are {', '.join(allowed)}.",
            field=unknown["field"],
        )
    at = _AT.search(message)
    name = at["field"] if at else ""
    if not name:
        return Problem(422, f"The body must be a JSON object: {message}.")
    if name in _WORDS:
        return Problem(422, f"{name} must be {_WORDS[name]}.", field=name)
    said, choices = message[: at.start() if at else None], _choices(parameters, name)
    there_are = f"; allowed are {', '.join(choices)}" if choices else ""
    return Problem(422, f"{name} is not allowed: {said}{there_are}.", field=name)


def _choices(parameters: type[msgspec.Struct], name: str) -> list[str]:
    """The words that a parameter may be, where it is one of a few."""
    return [
        str(choice)
        for field in _fields(parameters)
        if field.encode_name == name
        for kind in (field.type, *get_args(field.type))
        if get_origin(kind) is Literal
        for choice in get_args(kind)
    ]
