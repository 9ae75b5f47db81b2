"""What the system is asked to do about a streaming client: hold little for it, and notice when it is gone."""

from __future__ import annotations

import asyncio
import socket

# The system's own buffer for a client grows to megabytes otherwise, and a client that does not read fills it.
_SEND_BUFFER_BYTES = 256 * 1024
_IDLE_SECONDS, _INTERVAL_SECONDS, _PROBES = 20, 5, 3


def hold_little(transport: asyncio.Transport) -> None:
    """Have the system buffer at most about 512 KiB (it doubles the number it is given) for this client."""
    connected: socket.socket | None = transport.get_extra_info("socket")
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def notice_silent_death(transport: asyncio.Transport) -> None:
    """Have the system end a connection whose peer answers nothing for about 35 seconds.

    Options that a platform lacks are left out: then its own, longer times hold.
    """
    connected: socket.socket | None = transport.get_extra_info("socket")
    if connected is None:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"  # macOS before Python 3.10's names
    wanted = {
        idle: _IDLE_SECONDS,
        "TCP_KEEPINTVL": _INTERVAL_SECONDS,
        "TCP_KEEPCNT": _PROBES,
        # Linux: the same for bytes that were sent and are not acknowledged. Milliseconds.
        "TCP_USER_TIMEOUT": 1000 * (_IDLE_SECONDS + _INTERVAL_SECONDS * _PROBES),
    }
    for name, value in wanted.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
