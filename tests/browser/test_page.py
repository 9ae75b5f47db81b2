"""The module in a real browser, at a real server: every event once, in order, whatever happens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page

from api.websocket_server import WebSocketServer
from tests.api.cli.processes import Running
from tests.ports import free_port
from tests.tracker.processes import rows
from tracker import tokens
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_token_table
from tracker.times import now

from .pages import PATIENCE_SECONDS, Complaints, asking, follow, losing, readme_page, seen

pytestmark = pytest.mark.asyncio(loop_scope="module")
RESTARTS = 3
EVENTS_BETWEEN = 100


class Server:
    """``tracker serve`` on one log and one port, again and again."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_up = asyncio.Event()
        self._log = log
        self._running: Running | None = None

    async def start(self) -> None:
        self._running = Running("--database", str(self._log), "serve", "--port", str(self.port))
        await asyncio.to_thread(self._running.line, "Serving on")
        self.is_up.set()

    async def kill(self) -> None:
        self.is_up.clear()
        assert self._running
        self._running.signal(signal.SIGKILL)
        await asyncio.to_thread(self._running.close)


@pytest_asyncio.fixture(loop_scope="module")
async def killed_server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path / "log.db")
    await server.start()
    yield server
    await server.kill()


async def write_until(stopped: asyncio.Event, server: Server) -> None:
    """Record events one by one; each again, as the same event, until the server says that it has it."""
    number = 0
    async with aiohttp.ClientSession() as session:
        while not stopped.is_set():
            message = {"type": "job_started"} if number == 0 else {"type": "job_progress", "stage": "exporting"}
            event = {**message, "job_id": "j", "progress": number % 100, "message": "", "event_id": str(number)}
            await server.is_up.wait()
            with suppress(aiohttp.ClientError):
                async with session.post(f"{server.url}/events", json=event) as answer:
                    assert answer.status == 200, await answer.text()
                    number += 1


async def has_seen(page: Page, count: int) -> None:
    await page.wait_for_function("count => seen.length >= count", arg=count)


async def test_a_page_sees_every_event_once_while_its_server_is_killed_again_and_again(
    page: Page, complaints: Complaints, address: str, killed_server: Server, tmp_path: Path
) -> None:
    server, stopped = killed_server, asyncio.Event()
    await follow(page, address, server.url)
    async with asyncio.timeout(PATIENCE_SECONDS * 2), asyncio.TaskGroup() as group:
        group.create_task(write_until(stopped, server))
        for _ in range(RESTARTS):
            await has_seen(page, len(await seen(page)) + EVENTS_BETWEEN)
            await server.kill()
            await page.wait_for_function("tracker.state === 'waiting' || tracker.state === 'connecting'")
            await server.start()
        await has_seen(page, len(await seen(page)) + EVENTS_BETWEEN)
        stopped.set()
    await server.kill()
    # Nothing is written any more; what the page has not seen yet it gets from one more server.
    log = [event.position for event in rows(tmp_path / "log.db")]
    await server.start()
    await has_seen(page, len(log))
    assert await seen(page) == log
    assert len(log) > (RESTARTS + 1) * EVENTS_BETWEEN
    states: list[str] = await page.evaluate("states")
    assert states.count("waiting") >= RESTARTS
    assert complaints.serious == []


@pytest.mark.parametrize("is_live", [False, True], ids=["catching up", "live"])
@pytest.mark.parametrize("detects", [True, False], ids=["gaps are detected", "gaps are not detected"])
async def test_a_lost_event_is_noticed_and_fetched(
    page: Page,
    complaints: Complaints,
    address: str,
    served: ProgressReporter,
    server: WebSocketServer,
    detects: bool,
    is_live: bool,
) -> None:
    async with losing(server.url, 5) as socket_url:
        options = {"socket": socket_url, "detectGaps": str(detects).lower()}
        if is_live:
            await follow(page, address, server.url, **options)
            await page.wait_for_function("tracker.state === 'live'")
        served.start_job("j")
        for progress in range(9):
            served.update_progress("j", "exporting", progress)
        served.flush()
        if not is_live:
            await follow(page, address, server.url, **options)
        await page.wait_for_function("seen.at(-1) === 10")
        positions = await seen(page)
        await page.evaluate("tracker.close()")
    everything = list(range(1, 11))
    assert positions == (everything if detects else [1, 2, 3, 4, 6, 7, 8, 9, 10])
    assert complaints.errors == []


async def test_a_server_that_asks_for_a_token_is_told_it_first(
    page: Page, complaints: Complaints, address: str, served: ProgressReporter, server: WebSocketServer
) -> None:
    served.start_job("j").wait()
    shown: list[str] = []
    async with asking(server.url, "good", shown) as socket_url:
        await follow(page, address, server.url, socket=socket_url, token="good")
        await page.wait_for_function("seen.length === 1 && tracker.state === 'live'")
        await page.evaluate("tracker.close()")
    assert shown == ["good"]
    assert complaints.errors == []


async def test_a_page_follows_with_a_token_until_it_is_revoked(
    page: Page, complaints: Complaints, address: str, server: WebSocketServer, settings: Settings
) -> None:
    table = open_token_table(settings.database_url)
    text, token = tokens.make("page", ["read"], now=now())
    table.create(token, "me")
    with ProgressReporter(server, settings=replace(settings, require_token=True)) as reporter:
        await follow(page, address, server.url, token=text)
        await page.wait_for_function("tracker.state === 'live'")
        reporter.start_job("j").wait()
        await page.wait_for_function("seen.length === 1")
        assert complaints.errors == []
        table.revoke("page", "me", now())
        await page.wait_for_function("tracker.state === 'closed'")
    table.close()
    (complaint,) = complaints.errors
    assert "the token was revoked" in complaint
    assert text not in complaint


async def test_a_token_that_is_refused_is_told_once_and_ends_it(
    page: Page, complaints: Complaints, address: str, served: ProgressReporter, server: WebSocketServer
) -> None:
    shown: list[str] = []
    async with asking(server.url, "good", shown) as socket_url:
        await follow(page, address, server.url, socket=socket_url, token="n0t-known")
        await page.wait_for_function("tracker.state === 'closed'")
    assert shown == ["n0t-known"]
    (complaint,) = complaints.errors
    assert "It is not known here." in complaint
    assert "n0t-known" not in complaint
    assert await seen(page) == []


HOSTILE = [
    "<script>hacked = 1</script>",
    "<img src=x onerror=hacked=1>",
    "<svg onload=hacked=1>",
    "<svg><script>hacked=1</script></svg>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<iframe src=javascript:parent.hacked=1></iframe>",
    "<body onload=hacked=1>",
    "<details open ontoggle=hacked=1>",
    "<video><source onerror=hacked=1></video>",
    "<input autofocus onfocus=hacked=1>",
    "<a href=javascript:hacked=1>a</a>",
    "<math><mi xlink:href='javascript:hacked=1'>m</mi></math>",
    "<template><script>hacked=1</script></template>",
    "<style>@import 'javascript:hacked=1'</style>",
    "</li></ul><script>hacked=1</script>",
    "</script><script>hacked=1</script>",
    "'-(hacked=1)-'",
    "${hacked=1}",
    "&lt;script&gt;hacked=1&lt;/script&gt;",
    '"><script>alert(1)</script>',
]


async def test_the_page_of_the_readme_shows_what_would_be_code_as_text(
    page: Page, complaints: Complaints, served: ProgressReporter, server: WebSocketServer
) -> None:
    for number, text in enumerate(HOSTILE):
        # A job's id comes from outside as well; this one is what every JavaScript object has.
        job_id = "__proto__" if number == 0 else f"{number} {text}"
        served.start_job(job_id)
        served.update_progress(job_id, "exporting", 1, text)
    served.flush()
    async with readme_page(server.port) as address:
        await page.goto(address)
        lines = page.locator("li")
        await page.wait_for_function("text => document.body.textContent.includes(text)", arg=f": {HOSTILE[-1]}")
    shown = await lines.all_text_contents()
    expected = [f"{'__proto__' if not number else f'{number} {text}'}: {text}" for number, text in enumerate(HOSTILE)]
    assert shown == expected
    assert await page.evaluate("[...document.querySelectorAll('li')].every((line) => line.children.length === 0)")
    assert await page.evaluate("typeof hacked") == "undefined"
    assert await page.evaluate("Object.prototype.textContent") is None
    assert complaints.dialogs == []
    assert complaints.errors == []
