"""Asks `/health/ready` until it says yes, in the background."""

import json
import threading
import time
import urllib.error
import urllib.request

_ASK_EVERY_SECONDS = 0.1
_COMPLAIN_EVERY_SECONDS = 15.0


class Readiness:
    """Whether the APIs are ready.

    Args:
        address: of the APIs, `http://host:port`.
    """

    def __init__(self, address: str) -> None:
        self._url = f"{address}/health/ready"
        self._ready = threading.Event()
        self._cancelled = threading.Event()
        self._complained_at = time.monotonic()
        self._reason = "nothing answers"
        threading.Thread(target=self._ask, name="readiness", daemon=True).start()

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    def complaint(self) -> str | None:
        """Why it is not ready yet, once every quarter of a minute; None in between."""
        now = time.monotonic()
        if self.is_ready or now - self._complained_at < _COMPLAIN_EVERY_SECONDS:
            return None
        self._complained_at = now
        return self._reason

    def cancel(self) -> None:
        """Ask no more."""
        self._cancelled.set()

    def _ask(self) -> None:
        while not self._cancelled.wait(_ASK_EVERY_SECONDS):
            reason = why_not_ready(self._url)
            if reason is None:
                self._ready.set()
                return
            self._reason = reason


def why_not_ready(url: str, timeout_seconds: float = 5.0) -> str | None:
    """One question to a `/health/ready`: None if it says yes, else the reason that it gives."""
    try:
        # The address is our own, not a user's.
        with urllib.request.urlopen(url, timeout=timeout_seconds):  # noqa: S310
            return None
    except urllib.error.HTTPError as exc:
        with exc:
            return _failing_checks(exc.read()) or f"it answers {exc.code}"
    except OSError as exc:
        return f"{url} does not answer ({getattr(exc, 'reason', exc)})"


def _failing_checks(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        return "; ".join(
            f"{name}: {check.get('reason', 'failing')}"
            for name, check in checks.items()
            if check["status"] != "ok"
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
