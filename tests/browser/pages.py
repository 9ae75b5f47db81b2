"""Pages with the module, and what stands between them and a server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import ConsoleMessage, Dialog, Page
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

PATIENCE_SECONDS = 30
_README = Path(__file__).resolve().parents[2] / "README.md"
_REFUSED = re.compile(r"WebSocket connection to '.*' failed: .*net::ERR_CONNECTION_(REFUSED|RESET)")
# `random` keeps the waits short: what is measured here is that nothing is lost, not how long one waits.
_FOLLOWING = """<!doctype html><meta charset="utf-8"><title>following</title><link rel="icon" href="data:,">
<script type="module">
  const wanted = new URLSearchParams(location.search);
  const { connect } = await import(`${wanted.get("server")}/client/jobreel.js`);
  window.seen = [];
  window.states = [];
  window.tracker = connect(wanted.get("socket") ?? `${wanted.get("server")}/ws`, {
    after: 0,
    token: wanted.get("token") ?? undefined,
    detectGaps: wanted.get("detectGaps") !== "false",
    random: () => 0.1,
    onEvent: (event) => seen.push(event.position),
    onState: (state) => states.push(state),
    onError: (error) => console.error(error),
  });
</script>"""


class Complaints:
    """What a page had to complain of."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._dialog)

    @property
    def serious(self) -> list[str]:
        """All but that a server was not there, which the browser itself says of each attempt."""
        return [error for error in self.errors if not _REFUSED.match(error)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    async def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()


@asynccontextmanager
async def following_page() -> AsyncIterator[str]:
    """The address of a page of another origin than the server's, which follows its log from the beginning."""

    async with _serving(_FOLLOWING) as address:
        yield address


@asynccontextmanager
async def _serving(text: str) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    async def icon(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/", answer)
    app.router.add_get("/favicon.ico", icon)
    # A real server: a browser trusts a page on this machine, and not one from elsewhere, with servers on it.
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def follow(page: Page, address: str, server_url: str, **options: str) -> None:
    """Open the :func:`following_page` of a server; what it sees is in ``seen``."""
    await page.goto(f"{address}?{urlencode({'server': server_url, **options})}")
    await page.wait_for_function("window.tracker")


async def seen(page: Page) -> list[int]:
    """The positions of the events, in the order in which the page was handed them."""
    positions: list[int] = await page.evaluate("seen")
    return positions


@asynccontextmanager
async def readme_page(port: int) -> AsyncIterator[str]:
    """The address of the README's page, served as it says, for a server on another port."""
    found = re.search(r"```html\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the README has no page"
    async with _serving(found[1].replace("localhost:5100", f"127.0.0.1:{port}")) as address:
        yield address


@asynccontextmanager
async def losing(server_url: str, *positions: int) -> AsyncIterator[str]:
    """The address of a proxy that loses these events, each once."""
    to_lose = set(positions)

    async with _proxy(lambda client: _relay(client, server_url, to_lose)) as address:
        yield address


@asynccontextmanager
async def asking(server_url: str, token: str, shown: list[str]) -> AsyncIterator[str]:
    """The address of a proxy that asks for this token; those that it was shown are added to ``shown``."""

    async def ask(client: ServerConnection) -> None:
        message: dict[str, Any] = json.loads(await client.recv())
        assert message.keys() == {"type", "token"}
        shown.append(message["token"])
        if message["token"] == token:
            await client.send('{"type":"authenticated","name":"page","scopes":["read"],"ref":null}')
            await _relay(client, server_url, set())
        else:
            await client.send('{"type":"error","error":"It is not known here.","code":"unauthorized","ref":null}')
            await client.close(1008, "unauthorized")

    async with _proxy(ask) as address:
        yield address


@asynccontextmanager
async def _proxy(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(talk, "127.0.0.1", 0) as proxy:
        yield f"ws://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"


async def _relay(client: ServerConnection, server_url: str, to_lose: set[int]) -> None:
    async with connect(server_url.replace("http", "ws") + "/ws") as server:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_forward(client, server, set()))
                group.create_task(_forward(server, client, to_lose))
        except* ConnectionError:
            pass


async def _forward(
    source: ClientConnection | ServerConnection, target: ClientConnection | ServerConnection, to_lose: set[int]
) -> None:
    async for text in source:
        message: dict[str, Any] = json.loads(text)
        # Only events have a `prev`.
        if "prev" in message and message["position"] in to_lose:
            to_lose.remove(message["position"])
        else:
            await target.send(text)
    # One side has left: so does the other.
    raise ConnectionError
