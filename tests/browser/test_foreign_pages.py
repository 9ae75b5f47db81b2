"""What a page of another site can do to a server on the reader's own machine, in a real browser: nothing.

The browser itself asks its user before a page from elsewhere may reach this machine; that is switched off here, as
other browsers do not ask: what is shown is that the server alone is enough.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright

from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

from .conftest import _NAMES
from .pages import PATIENCE_SECONDS

# Everything that a page can try, each answered with what came of it.
_ATTACK = """async (server) => {
  const tried = {};
  const silence = () => new Promise((resolve) => setTimeout(resolve, 5000, "no answer"));
  const attempt = async (name, work) => {
    try { tried[name] = await Promise.race([work(), silence()]); } catch (error) { tried[name] = "refused"; }
  };
  const read = async (path, options) => {
    const response = await fetch(server + path, options);
    return response.ok ? await response.text() : "refused";
  };
  const event = JSON.stringify({type: "job_started", job_id: "forged"});
  await attempt("read", () => read("/events"));
  await attempt("read_with_cookies", () => read("/jobs", {credentials: "include"}));
  const json = {method: "POST", body: event, headers: {"Content-Type": "application/json"}};
  await attempt("json", () => read("/events", json));
  await attempt("text", () => read("/events", {method: "POST", body: event}));
  await attempt("blind", async () => {
    await fetch(server + "/events", {method: "POST", mode: "no-cors", body: event});
    return "refused";
  });
  await attempt("form", () => new Promise((resolve) => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = "frame";
    const form = document.body.appendChild(document.createElement("form"));
    Object.assign(form, {action: server + "/progress/start", method: "post", target: "frame", enctype: "text/plain"});
    const field = form.appendChild(document.createElement("input"));
    field.name = '{"job_id":"forged","a":"';
    field.value = '"}';
    // Whether the frame may show the answer is another matter: what counts is in the log.
    setTimeout(resolve, 1000, "refused");
    form.submit();
  }));
  await attempt("beacon", () => { navigator.sendBeacon(server + "/events", event); return "refused"; });
  await attempt("image", () => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve("loaded");
    image.onerror = () => resolve("refused");
    image.src = server + "/jobs";
  }));
  await attempt("stream", () => new Promise((resolve) => {
    const stream = new EventSource(server + "/events/stream?after=0");
    stream.onopen = () => resolve("opened");
    stream.onerror = () => { stream.close(); resolve("refused"); };
  }));
  await attempt("socket", () => new Promise((resolve) => {
    const socket = new WebSocket(server.replace("http", "ws") + "/ws");
    socket.onopen = () => resolve("opened");
    socket.onerror = () => resolve("refused");
  }));
  return tried;
}"""


@dataclass(frozen=True, slots=True)
class Attacked:
    """A log with a secret, and the server of it."""

    reporter: ProgressReporter
    server: WebSocketServer


@pytest_asyncio.fixture(loop_scope="module")
async def page() -> AsyncIterator[Page]:
    chromium = next(filter(None, map(shutil.which, _NAMES)))
    features = (
        "LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessRespectPreflightResults"
    )
    arguments = [
        "--no-sandbox",
        f"--disable-features={features}",
        "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP photos.example 127.0.0.1",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield page
        await browser.close()


@pytest.fixture
def attacked(tmp_path: Path) -> Any:
    settings = Settings(database_url=f"sqlite:///{(tmp_path / 'log.db').as_posix()}")
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=settings) as reporter:
        reporter.start_job("secret").wait()
        yield Attacked(reporter, server)


async def _attack_from(page: Page, origin: str, server_url: str) -> dict[str, str]:
    async def page_of_the_site(route: Route) -> None:
        await route.fulfill(body="<!doctype html><body></body>", content_type="text/html")

    # The site's own page, as it came before its name was made to point elsewhere.
    await page.route(f"{origin}/page", page_of_the_site)
    await page.goto(f"{origin}/page")
    tried: dict[str, str] = await page.evaluate(_ATTACK, server_url)
    return tried


def _assert_nothing_came_of_it(attacked: Attacked, tried: dict[str, str]) -> None:
    assert len(tried) == 10
    assert {name: result for name, result in tried.items() if result != "refused"} == {}
    assert "secret" not in json.dumps(tried)
    attacked.reporter.flush()
    assert attacked.reporter.get_active_jobs().keys() == {"secret"}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_page_of_another_site_reads_and_forges_nothing(page: Page, attacked: Attacked, name: str) -> None:
    tried = await _attack_from(page, "http://evil.example", f"http://{name}:{attacked.server.port}")
    _assert_nothing_came_of_it(attacked, tried)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_that_is_made_to_point_here_reads_and_forges_nothing(page: Page, attacked: Attacked) -> None:
    rebound = f"http://evil.example:{attacked.server.port}"
    _assert_nothing_came_of_it(attacked, await _attack_from(page, rebound, rebound))


@pytest.mark.asyncio(loop_scope="module")
async def test_control_a_page_that_is_listed_may(page: Page, tmp_path: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{(tmp_path / 'log.db').as_posix()}", allowed_origins="http://photos.example"
    )
    server = WebSocketServer(port=0)
    with ProgressReporter(server, settings=settings) as reporter:
        reporter.start_job("secret").wait()
        tried = await _attack_from(page, "http://photos.example", f"http://127.0.0.1:{server.port}")
        assert "secret" in tried["read"]
        assert (tried["stream"], tried["socket"]) == ("opened", "opened")
        reporter.flush()
        assert reporter.get_active_jobs().keys() == {"secret", "forged"}
