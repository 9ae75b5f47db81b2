"""What the system is asked to do about a streaming client: hold little for it, and notice when it is gone."""

from __future__ import annotations

import asyncio
import socket
import sys

# The system's own buffer for a client grows to megabytes otherwise, and a client that does not read fills it.
_SEND_BUFFER_BYTES = 256 * 1024
_IDLE_SECONDS, _INTERVAL_SECONDS, _PROBES = 20, 5, 3
_GIVE_UP_SECONDS = 20.0


def hold_little(transport: asyncio.Transport) -> None:
    """Have the system buffer at most about 512 KiB (it doubles the number it is given) for this client.

    Where it can (Linux), it also ends the connection when the client takes none of that for 20 seconds: a transport
    that is closed by us or by a missing pong waits for its last bytes to be taken, else without an end.
    """
    connected: socket.socket | None = transport.get_extra_info("socket")
    if connected is None:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    if sys.platform == "linux":
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * _GIVE_UP_SECONDS))


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
    }
    for name, value in wanted.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
