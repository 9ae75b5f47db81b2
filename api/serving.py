"""Listening, and the end of it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from aiohttp import web

from tracker.errors import ServerError
from tracker.runtime import Tracker

from . import request_log, tls
from .app import create_app
from .gate import Policy

KEEPALIVE_SECONDS = 20
_SHUTDOWN_SECONDS = 3
_BACKLOG = 128
_TLS_TIMEOUTS: dict[str, Any] = {"ssl_handshake_timeout": 10, "ssl_shutdown_timeout": 5}  # seconds
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  # recognised, not chosen


@asynccontextmanager
async def serving(
    tracker: Tracker, host: str, port: int, certificate: tls.Certificate | None = None
) -> AsyncIterator[int]:
    """Serve the tracker on the running loop; gives the port, which differs from ``port`` if that is 0.

    ``certificate``: where the caller has read that of the tracker's settings already; it may ask it to be read again.

    Raises:
        InvalidSetting: If the certificate or another of the server's settings cannot be used.
        TokensNeeded: If other machines can reach it, and there is no token yet.
        ServerError: If it cannot listen.
    """
    certificate = certificate or tls.certificate(tracker.settings)
    app = create_app(tracker, Policy.of(tracker.settings, host))
    runner = web.AppRunner(
        app,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        handler_cancellation=True,
        **request_log.options(app, is_wanted=tracker.settings.log_requests),
    )
    await runner.setup()
    try:
        async with _listening(runner, host, port, certificate) as taken, _renewing(certificate):
            tracker.store.announce(url(host, taken, is_secure=certificate is not None))
            tracker.retention.start()
            yield taken
    finally:
        tracker.store.announce(None)
        await runner.cleanup()


def url(host: str, port: int, *, is_secure: bool) -> str:
    """Where another process of this machine finds a server that listens on ``host``."""
    if host in _EVERYWHERE:
        host = "127.0.0.1"
    return f"{'https' if is_secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


@asynccontextmanager
async def _listening(
    runner: web.AppRunner, host: str, port: int, certificate: tls.Certificate | None
) -> AsyncIterator[int]:
    # Not aiohttp's own TCPSite: it gives a client a minute for the handshake, and half a one for the goodbye.
    secure = {"ssl": certificate.context, **_TLS_TIMEOUTS} if certificate else {}
    accept = cast("web.Server", runner.server)  # there, after its setup()
    try:
        server = await asyncio.get_running_loop().create_server(accept, host, port, backlog=_BACKLOG, **secure)
    except OSError as error:
        raise ServerError(host, port, _problem(error)) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def _renewing(certificate: tls.Certificate | None) -> AsyncIterator[None]:
    if certificate is None:
        yield
        return
    watching = asyncio.create_task(certificate.watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def _problem(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use. Choose another with --port or TRACKER_PORT"
    return (os.strerror(error.errno) if error.errno else str(error)).lower()
