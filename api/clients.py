"""Who is connected, and how many may be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol, TypeAlias

from aiohttp import web

from tracker.errors import TrackerError
from tracker.tokens import Access

Transport: TypeAlias = Literal["websocket", "sse", "poll"]


class TooManyClients(TrackerError):
    """The server, or this address, has as many clients as it may."""

    code = "too_many_clients"


class UnknownClient(TrackerError):
    """No such client: it was never here, went away, or the server was started anew. Shake hands again."""

    code = "unknown_client"


class Client(Protocol):
    """A connected client, whatever its transport."""

    @property
    def transport(self) -> Transport:
        """How it is connected."""
        ...

    @property
    def access(self) -> Access:
        """What it may do."""
        ...

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
        self._taken = 0

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients))

    def __len__(self) -> int:
        return len(self._clients)

    def take_place(self, address: str) -> None:
        """Take a place for one more client of an address; :meth:`give_place` gives it back.

        Raises:
            TooManyClients: If there is none; before anything is sent.
        """
        self._demand_room(address)
        self._per_address[address] += 1
        self._taken += 1

    def give_place(self, address: str) -> None:
        """Give back a place that was taken."""
        self._taken -= 1
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    @contextmanager
    def room(self, address: str) -> Iterator[None]:
        """A place until the end of the block; raises as :meth:`take_place` does."""
        self.take_place(address)
        try:
            yield
        finally:
            self.give_place(address)

    def add(self, client: Client) -> None:
        """List a client."""
        self._clients.add(client)

    def discard(self, client: Client) -> None:
        """List it no more; harmless if it is not listed."""
        self._clients.discard(client)

    @contextmanager
    def listed(self, client: Client) -> Iterator[None]:
        """List a client until the end of the block."""
        self.add(client)
        try:
            yield
        finally:
            self.discard(client)

    def _demand_room(self, address: str) -> None:
        if self._taken >= self._most:
            raise TooManyClients(f"The server has {self._most} clients, which is its limit. Try again later.")
        if self._per_address[address] >= self._most_per_address:
            limit = self._most_per_address
            raise TooManyClients(f"{address} has {limit} clients here, which is the limit. Close one, or try later.")

    async def dismiss(self) -> None:
        """Say goodbye to all."""
        await asyncio.gather(*[client.dismiss() for client in self], return_exceptions=True)


CLIENTS = web.AppKey("clients", Clients)
