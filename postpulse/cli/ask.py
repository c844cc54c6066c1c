"""Ask the APIs over HTTP."""

import json
import urllib.error
import urllib.request
from typing import Any

import click

_ANSWER_SECONDS = 30.0


def ask(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None, method: str | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and document of an answer that is no error.

    Args:
        body: sends a POST with it; without one, it is a GET.
        method: another one.

    Raises:
        click.ClickException: an error, in the API's own words, or nothing that answers.
    """
    # The address is the user's own choice, and http or https.
    request = urllib.request.Request(url, body, headers or {}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            document: dict[str, Any] = json.load(answer)
            return answer.status, document
    except urllib.error.HTTPError as exc:
        with exc:
            raise click.ClickException(f"{exc.code}: {_detail(exc.read()) or exc.reason}") from None
    except json.JSONDecodeError:
        raise click.ClickException(f"{url} is no postpulse API: its answer is not JSON.") from None
    except OSError as exc:
        reason = getattr(exc, "reason", exc)
        raise click.ClickException(
            f"{url} does not answer ({reason}); `postpulse up` starts the APIs."
        ) from None


def json_body(document: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """A body and its headers, as `ask` takes them."""
    return json.dumps(document).encode(), {"Content-Type": "application/json"}


def _detail(body: bytes) -> str | None:
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(detail)
