"""Pages with the module, and what stands between them and a server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
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

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=_FOLLOWING, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
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


def readme_page(port: int, folder: Path) -> Path:
    """The page of the README as a file, for a server on another port."""
    found = re.search(r"```html\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the README has no page"
    page = folder / "page.html"
    page.write_text(found[1].replace("localhost:5100", f"127.0.0.1:{port}"), encoding="utf-8")
    return page


@asynccontextmanager
async def losing(server_url: str, *positions: int) -> AsyncIterator[str]:
    """The address of a proxy that loses these events, each once."""
    to_lose = set(positions)

    async def relay(client: ServerConnection) -> None:
        async with connect(server_url.replace("http", "ws") + "/ws") as server:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_forward(client, server, set()))
                    group.create_task(_forward(server, client, to_lose))
            except* ConnectionError:
                pass

    async with serve(relay, "127.0.0.1", 0) as proxy:
        yield f"ws://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"


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
