"""Run an application until a signal says stop, then let what is under way finish."""

import asyncio
import resource
import signal
import socket
from contextlib import suppress

import structlog
from aiohttp import web

from postpulse.garbage import tune_garbage_collection
from postpulse.settings import HttpSettings
from postpulse.web.express import open_express_way

log = structlog.get_logger(__name__)

_MOST_FILES = 65_536


class ListenError(Exception):
    """The address cannot be listened on; the message says which setting to change."""


async def serve(app: web.Application, settings: HttpSettings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ListenError: the port is taken or the host is not of this machine.
    """
    listening = _listen(settings)
    _allow_connections()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = await set_up(app, settings.shutdown_grace_seconds)
    tune_garbage_collection()
    try:
        await web.SockSite(runner, listening, backlog=1024).start()
        host, port = listening.getsockname()[:2]
        log.info("listening", address=f"http://{host}:{port}")
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()


async def set_up(app: web.Application, shutdown_grace_seconds: float) -> web.AppRunner:
    """A runner whose application has started, to be given an address to listen on.

    Args:
        shutdown_grace_seconds: how long requests under way may take to finish when it is cleaned up.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_grace_seconds,
        # Bodies are unpacked by the intake, which bounds what comes out; aiohttp does not.
        auto_decompress=False,
    )
    await runner.setup()
    assert runner.server is not None
    open_express_way(runner.server, app)
    return runner


def _allow_connections() -> None:
    """Take as many open files as the system lets this process have: each connection is one.

    What a shell gives at first is 1,024, which open streams alone may need.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    # A system may have another limit beside this one.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _listen(settings: HttpSettings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.port), backlog=1024)
    except OSError as exc:
        raise ListenError(
            f"cannot listen on {settings.host}:{settings.port}: {exc.strerror}; "
            "set POSTPULSE_HTTP_PORT (0 takes a free one) or POSTPULSE_HTTP_HOST"
        ) from None
