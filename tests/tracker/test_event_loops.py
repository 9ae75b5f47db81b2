from __future__ import annotations

import asyncio
import sys

import pytest

from tracker import event_loops

_FILE, _SERVER = "sqlite:////tmp/log.db", "postgresql://host/log"


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_the_loop_is_the_systems_own() -> None:
    for url in (_FILE, _SERVER):
        assert event_loops.loop_factory(url) is None
    assert type(event_loops.run(_loop(), _SERVER)) is type(asyncio.run(_loop()))


def test_on_windows_postgresql_gets_one_that_its_driver_can_wait_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert event_loops.loop_factory(_FILE) is None
    assert event_loops.loop_factory(_SERVER) is asyncio.SelectorEventLoop
    assert isinstance(event_loops.run(_loop(), _SERVER), asyncio.SelectorEventLoop)
