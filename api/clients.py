"""Who is connected, and how many may be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aiohttp import web

from tracker.errors import TrackerError


class TooManyClients(TrackerError):
    """The server, or this address, has as many clients as it may."""

    code = "too_many_clients"


class UnknownClient(TrackerError):
    """No such client: it was never here, went away, or the server was started anew. Shake hands again."""

    code = "unknown_client"


class Client(Protocol):
    """A connected client, whatever its transport."""

    def describe(self) -> dict[str, Any]:
        """Its line in ``/ws/status``."""
        ...

    def send_checkpoint(self) -> None:
        """Tell an idle stream how far it is complete."""
        ...

    async def dismiss(self) -> None:
        """Say goodbye: the server stops, the client resumes with its cursor."""
        ...


class Clients:
    """Those who are connected now. Event loop only."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._clients: set[Client] = set()
        self._per_address: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients))

    def __len__(self) -> int:
        return len(self._clients)

    @contextmanager
    def room(self, address: str) -> Iterator[None]:
        """A place for one more client of an address, kept until the end of the block.

        Raises:
            TooManyClients: If there is none; before anything is sent.
        """
        self._demand_room(address)
        self._per_address[address] += 1
        try:
            yield
        finally:
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]

    @contextmanager
    def listed(self, client: Client) -> Iterator[None]:
        """List a client until the end of the block."""
        self._clients.add(client)
        try:
            yield
        finally:
            self._clients.discard(client)

    def _demand_room(self, address: str) -> None:
        if self._per_address.total() >= self._most:
            raise TooManyClients(f"The server has {self._most} clients, which is its limit. Try again later.")
        if self._per_address[address] >= self._most_per_address:
            limit = self._most_per_address
            raise TooManyClients(f"{address} has {limit} clients here, which is the limit. Close one, or try later.")

    async def dismiss(self) -> None:
        """Say goodbye to all."""
        await asyncio.gather(*[client.dismiss() for client in self], return_exceptions=True)


CLIENTS = web.AppKey("clients", Clients)
