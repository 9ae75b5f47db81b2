"""Who is connected, and how many may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.clients import Clients, TooManyClients, Transport
from api.websocket_server import WebSocketServer
from tests.api.clients import HttpClient, Message, http_client, socket_client
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.tokens import FULL_ACCESS


class Named:
    """A client that only has a name."""

    access = FULL_ACCESS
    transport: Transport = "poll"

    def __init__(self, name: str, fails: bool = False) -> None:
        self.name = name
        self.is_dismissed = False
        self._fails = fails

    def describe(self) -> dict[str, Any]:
        return {"client_id": self.name}

    def send_checkpoint(self) -> None:
        pass

    async def dismiss(self) -> None:
        self.is_dismissed = True
        if self._fails:
            raise ConnectionError("gone")


def test_a_place_is_there_again_when_it_was_given_back() -> None:
    clients = Clients(most=1, most_per_address=1)
    for _ in range(3):
        with clients.room("a"), pytest.raises(TooManyClients):
            clients.take_place("b")


def test_an_address_has_its_own_limit() -> None:
    clients = Clients(most=10, most_per_address=2)
    with clients.room("a"), clients.room("a"):
        with pytest.raises(TooManyClients, match="a has 2 clients here"):
            clients.take_place("a")
        with clients.room("b"):
            pass
    with clients.room("a"), clients.room("a"):
        pass


def test_all_addresses_together_have_a_limit() -> None:
    clients = Clients(most=2, most_per_address=2)
    with clients.room("a"), clients.room("b"), pytest.raises(TooManyClients, match="The server has 2 clients"):
        clients.take_place("c")


def test_who_fails_in_its_place_gives_it_back() -> None:
    clients = Clients(most=1, most_per_address=1)
    with pytest.raises(ValueError, match="fails"), clients.room("a"):
        raise ValueError("fails")
    clients.take_place("a")


def test_a_client_is_listed_until_the_end_of_its_block() -> None:
    clients = Clients(most=2, most_per_address=2)
    one, other = Named("one"), Named("other")
    with clients.listed(one):
        clients.add(other)
        assert set(clients) == {one, other}
        assert len(clients) == 2
    assert list(clients) == [other]
    clients.discard(one)
    clients.discard(other)
    assert len(clients) == 0


def test_clients_may_come_and_go_while_they_are_gone_through() -> None:
    clients = Clients(most=9, most_per_address=9)
    for number in range(3):
        clients.add(Named(str(number)))
    for client in clients:
        clients.discard(client)
        clients.add(Named("new"))
    assert len(clients) == 3


async def test_all_are_dismissed_though_one_fails() -> None:
    clients = Clients(most=9, most_per_address=9)
    named = [Named("one"), Named("fails", fails=True), Named("other")]
    for client in named:
        clients.add(client)
    await clients.dismiss()
    assert all(client.is_dismissed for client in named)


FULL = "too_many_clients"


@pytest.fixture(params=["max_clients", "max_clients_per_address"])
def settings(request: pytest.FixtureRequest, database_url: str) -> Settings:
    limits: dict[str, Any] = {request.param: 2}
    return Settings(database_url=database_url, **limits)


async def handshake(http: HttpClient) -> Message:
    answer = await http.post("/ws/handshake", {"client_type": "test"})
    body: Message = answer.body
    return body


async def assert_full(http: HttpClient) -> None:
    """Every way in is a 503 with the one body, before an upgrade or a stream."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(http.url.replace("http", "ws") + "/ws"):
            pass
    assert caught.value.response.status_code == 503
    assert FULL.encode() in (caught.value.response.body or b"")
    for answer in (await http.get("/events/stream"), await http.post("/ws/handshake", {})):
        assert (answer.status, answer.body["success"], answer.body["code"]) == (503, False, FULL)
        assert answer.body["error"]
        assert answer.headers["Retry-After"] == "1"


async def connected(http: HttpClient) -> int:
    count: int = (await http.get("/ws/status")).body["connected_clients"]
    return count


async def test_a_full_server_refuses_clients_of_every_transport_until_one_leaves(
    served: ProgressReporter, server: WebSocketServer, quiet_log: None
) -> None:
    async with http_client(server.url) as http, socket_client(server.url) as staying:
        polling = await handshake(http)
        await assert_full(http)
        assert await staying.is_silent()
        assert await connected(http) == 2
        await http.post("/ws/disconnect", {"client_id": polling["client_id"]})
        async with socket_client(server.url):
            await assert_full(http)
        async with asyncio.timeout(20):
            while await connected(http) > 1:
                await asyncio.sleep(0)
        assert (await handshake(http))["success"]
        await assert_full(http)


async def test_what_does_not_stay_needs_no_place(http: HttpClient) -> None:
    for _ in range(2):
        await handshake(http)
    for path in ("/events", "/jobs", "/ws/status", "/progress/active", "/healthz"):
        assert (await http.get(path)).status == 200
