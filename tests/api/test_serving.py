"""Listening: where others find the server, and who may be let in there."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from api.gate import TokensNeeded
from api.serving import serving, url
from api.websocket_server import WebSocketServer
from tests.api.authority import Authority
from tracker.errors import ServerError, StoreOwned
from tracker.progress_reporter import ProgressReporter
from tracker.runtime import Tracker
from tracker.settings import Settings


@pytest.fixture
def secured(settings: Settings, tmp_path: Path) -> Settings:
    authority = Authority(tmp_path)
    authority.issue()
    return replace(settings, tls_cert=str(authority.cert), tls_key=str(authority.key))


@pytest.mark.parametrize(
    ("host", "is_secure", "found"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:5100"),
        ("127.0.0.1", True, "https://127.0.0.1:5100"),
        ("0.0.0.0", True, "https://127.0.0.1:5100"),
        ("", False, "http://127.0.0.1:5100"),
        ("::1", True, "https://[::1]:5100"),
        ("photos.local", True, "https://photos.local:5100"),
    ],
)
def test_a_server_is_named_as_others_on_this_machine_find_it(host: str, is_secure: bool, found: str) -> None:
    assert url(host, 5100, is_secure=is_secure) == found


@pytest.mark.parametrize("is_secure", [False, True])
async def test_another_process_is_told_where_the_log_is_served(
    settings: Settings, secured: Settings, is_secure: bool
) -> None:
    with Tracker(secured if is_secure else settings) as tracker:
        async with serving(tracker, "127.0.0.1", 0) as port:
            with pytest.raises(StoreOwned) as caught:
                Tracker(settings)
            assert caught.value.url == f"http{'s' * is_secure}://127.0.0.1:{port}"
        with pytest.raises(StoreOwned) as caught:
            Tracker(settings)
        assert caught.value.url is None


@pytest.mark.parametrize("is_secure", [False, True])
async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_behind(
    settings: Settings, secured: Settings, is_secure: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Tracker(secured if is_secure else settings) as tracker:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"Cannot listen on 127.0.0.1:{port}: the port is in use"):
            async with serving(tracker, "127.0.0.1", port):
                pass
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("is_secure", [False, True])
async def test_nothing_listens_and_nothing_runs_after_the_end(
    settings: Settings, secured: Settings, is_secure: bool
) -> None:
    with Tracker(secured if is_secure else settings) as tracker:
        async with serving(tracker, "127.0.0.1", 0) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", port)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_address_that_is_listened_on_decides_and_not_that_of_the_settings(settings: Settings) -> None:
    assert settings.host == "127.0.0.1"
    with Tracker(settings) as tracker, pytest.raises(TokensNeeded):
        async with serving(tracker, "0.0.0.0", 0):
            pass


def test_an_embedded_server_knows_its_url_when_it_serves(settings: Settings, secured: Settings) -> None:
    for chosen, scheme in ((settings, "http"), (secured, "https")):
        server = WebSocketServer(port=0)
        assert server.url == "http://127.0.0.1:0"
        with ProgressReporter(server, settings=chosen):
            assert server.url == f"{scheme}://127.0.0.1:{server.port}"


def test_an_embedded_server_of_a_secured_environment_says_https_before_it_serves(
    secured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_TLS_CERT", secured.tls_cert)
    monkeypatch.setenv("TRACKER_TLS_KEY", secured.tls_key)
    assert WebSocketServer(port=0).url == "https://127.0.0.1:0"
