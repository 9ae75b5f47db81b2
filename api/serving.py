"""Listening, and the end of it."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tracker.errors import ServerError
from tracker.runtime import Tracker

from .app import create_app

KEEPALIVE_SECONDS = 20
_SHUTDOWN_SECONDS = 3
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # recognised, not chosen


@asynccontextmanager
async def serving(tracker: Tracker, host: str, port: int) -> AsyncIterator[int]:
    """Serve the tracker on the running loop; gives the port, which differs from ``port`` if that is 0.

    Raises:
        ServerError: If it cannot listen.
    """
    runner = web.AppRunner(
        create_app(tracker),
        access_log=None,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        handler_cancellation=True,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ServerError(host, port, _problem(error)) from error
        taken: int = runner.addresses[0][1]
        tracker.store.announce(_url(host, taken))
        tracker.retention.start()
        yield taken
    finally:
        tracker.store.announce(None)
        await runner.cleanup()


def _problem(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use. Choose another with --port or TRACKER_PORT"
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def _url(host: str, port: int) -> str:
    if host in _EVERYWHERE:
        host = "127.0.0.1"  # where another process of this machine finds it
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
