"""Who is connected."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web


class Client(Protocol):
    """A connected client, whatever its transport."""

    def describe(self) -> dict[str, Any]:
        """Its line in ``/ws/status``."""
        ...

    async def dismiss(self) -> None:
        """Say goodbye: the server stops, the client resumes with its cursor."""
        ...


class Clients(set[Client]):
    """Those who are connected now."""


CLIENTS = web.AppKey("clients", Clients)
