"""Clients of the served reporter, and the proof that the server logged no failure."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api.websocket_server import WebSocketServer
from tests.api.authority import Authority
from tests.api.clients import HttpClient, SocketClient, http_client, socket_client
from tracker.progress_reporter import ProgressReporter


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A test authority that has issued a certificate."""
    authority = Authority(tmp_path)
    authority.issue()
    return authority


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever clients send, the server logs no error and no traceback."""
    yield
    failures = [
        record.getMessage()
        for record in (*caplog.get_records("setup"), *caplog.get_records("call"))
        if record.levelno >= logging.ERROR or record.exc_info
    ]
    assert failures == []


@pytest.fixture
async def http(served: ProgressReporter, server: WebSocketServer, quiet_log: None) -> AsyncIterator[HttpClient]:
    async with http_client(server.url) as client:
        yield client


@pytest.fixture
async def socket(served: ProgressReporter, server: WebSocketServer, quiet_log: None) -> AsyncIterator[SocketClient]:
    async with socket_client(server.url) as client:
        yield client


@pytest.fixture
async def viewer(served: ProgressReporter, server: WebSocketServer, quiet_log: None) -> AsyncIterator[SocketClient]:
    """A second WebSocket client."""
    async with socket_client(server.url) as client:
        yield client
