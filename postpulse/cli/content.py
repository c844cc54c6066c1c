"""The text that a command works on: an argument, a file, or what comes on stdin."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def content_arguments(function: _F) -> _F:
    """The argument `content` and the option `--file`, for `read_content`."""
    file = click.option(
        "--file",
        "-f",
        type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
        help="Read the content from a file, - for stdin; taken as it is.",
    )
    return click.argument("content", required=False)(file(function))


def read_content(argument: str | None, file: Path | None) -> str:
    """A text given as an argument, in a file, or on stdin.

    Raises:
        click.UsageError: it is given twice, or not at all.
        click.ClickException: it is not UTF-8, or the file cannot be read.
    """
    if argument is not None and file is not None:
        raise click.UsageError("Give the content as an argument or with --file, not both.")
    if argument is not None:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise click.UsageError("The content is not UTF-8.") from None
        return argument
    if file is None and sys.stdin.isatty():
        raise click.UsageError("Give the content as an argument, with --file, or on stdin.")
    try:
        data = sys.stdin.buffer.read() if file is None or str(file) == "-" else file.read_bytes()
        return data.decode()
    except UnicodeDecodeError as exc:
        raise click.ClickException(f"The content is not UTF-8: {exc.reason} at byte {exc.start}.") from None
    except OSError as exc:
        raise click.ClickException(f"Cannot read {file}: {exc.strerror}.") from None
