"""Who may come in: every route, every scope, every kind of token; and what a limited token sees."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from api.app import create_app
from api.gate import TokensNeeded, demand_operations
from api.operations import OPERATIONS
from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS
from tests.api.documents import OPENAPI
from tracker import tokens
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings
from tracker.store import open_token_table
from tracker.times import MICROSECONDS, now
from tracker.tokens import SCOPES, Scope

REVOKED_WITHIN_SECONDS = 5
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
_METHODS = [(method.upper(), path) for path, methods in OPENAPI["paths"].items() for method in methods]
KINDS = ["none", "wrong", "expired", "revoked", *SCOPES]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, require_token=True, auth_timeout_seconds=0.5)


class Keys:
    """Tokens of a log, made and revoked as the commands do it."""

    def __init__(self, url: str) -> None:
        self._table = open_token_table(url)
        self._count = 0

    def make(self, *scopes: Scope, prefixes: tuple[str, ...] = (), ago: int = 0, expires_at: int | None = None) -> str:
        self._count += 1
        text, token = tokens.make(
            f"token {self._count}", scopes, prefixes, now=now() - ago * MICROSECONDS, expires_at=expires_at
        )
        self._table.create(token, "tester")
        return text

    def revoke(self, text: str) -> None:
        self._table.revoke(tokens.read(text)[0], "tester", now())

    def of_kind(self, kind: str) -> str | None:
        match kind:
            case "none":
                return None
            case "wrong":
                return tokens.make("not kept", SCOPES, now=now())[0]
            case "expired":
                return self.make(*SCOPES, ago=10, expires_at=now() - MICROSECONDS)
            case "revoked":
                text = self.make(*SCOPES)
                self.revoke(text)
                return text
            case "read" | "report" | "admin":
                return self.make(kind)
        raise AssertionError(kind)

    def close(self) -> None:
        self._table.close()


@pytest.fixture
def keys(served: ProgressReporter, settings: Settings) -> Any:
    served.start_job("a/1")
    served.start_job("b/1").wait()
    keys = Keys(settings.database_url)
    yield keys
    keys.close()


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


class Guest:
    """Asks with one token, or none."""

    def __init__(self, url: str, session: aiohttp.ClientSession, token: str | None) -> None:
        self.url = url
        self.session = session
        self.headers = bearer(token)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {**self.headers, **options.pop("headers", {})}
        async with self.session.request(method, self.url + path, headers=headers, **options) as response:
            is_endless = response.status == 101 or response.content_type == "text/event-stream"
            text = "" if is_endless else await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" and text else text


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)) as session:
        yield session


def _expected(scope: str, kind: str) -> set[int]:
    """The statuses that a token of a kind may get: of a refusal, or of whatever comes after it."""
    if kind in ("wrong", "expired", "revoked"):
        return {401}
    if kind == "none":
        return {401} if scope not in ("public", "first_message") else _BEYOND
    is_enough = scope in ("public", "first_message", "any", kind) or kind == "admin"
    return _BEYOND if is_enough else {403}


_BEYOND = {101, 200, 400, 404}


@pytest.mark.parametrize(("method", "path"), _METHODS, ids=[" ".join(one) for one in _METHODS])
async def test_every_route_asks_for_its_scope(
    method: str, path: str, server: WebSocketServer, keys: Keys, session: aiohttp.ClientSession
) -> None:
    security = OPENAPI["paths"][path][method.lower()]["security"]
    scope = security[1]["token"][0] if security else "public"
    # All of them first: a token that is not known yet is looked for once a second only.
    for kind, text in {kind: keys.of_kind(kind) for kind in KINDS}.items():
        guest = Guest(server.url, session, text)
        options: dict[str, Any] = {"headers": _UPGRADE} if path == "/ws" else {}
        if method == "POST":
            options["json"] = {}
        status, body = await guest.ask(method, path.replace("{job_id}", "nobody"), **options)
        assert status in _expected(scope, kind), (scope, kind, body)
        if status in (401, 403):
            assert (body["success"], body["code"]) == (False, "unauthorized" if status == 401 else "forbidden")


def test_the_matrix_has_every_route() -> None:
    assert set(_METHODS) == set(OPERATIONS)
    assert {operation.scope for operation in OPERATIONS.values()} >= {"public", "read", "report"}


def test_a_route_that_says_nothing_of_who_may_use_it_does_not_start(reporter: ProgressReporter) -> None:
    async def forgotten(_: web.Request) -> web.Response:
        return web.Response(text="everything")

    app = create_app(reporter.tracker)
    app.router.add_get("/forgotten", forgotten)
    with pytest.raises(LookupError, match="GET /forgotten is not described"):
        demand_operations(app)


async def test_what_is_not_there_is_not_there_for_anybody(server: WebSocketServer, keys: Keys, session: Any) -> None:
    guest = Guest(server.url, session, None)
    assert (await guest.ask("GET", "/nothing"))[0] == 404
    assert (await guest.ask("DELETE", "/jobs"))[0] == 405


# Limited to jobs.


async def test_a_limited_token_sees_its_own_jobs_on_every_route(
    server: WebSocketServer, keys: Keys, session: Any, served: ProgressReporter
) -> None:
    guest = Guest(server.url, session, keys.make("read", "report", prefixes=("a/",)))
    for prefix in ("/jobs/", "/progress/job/"):
        assert (await guest.ask("GET", f"{prefix}a%2F1"))[0] == 200
        assert (await guest.ask("GET", f"{prefix}b%2F1"))[0] == 404
    assert (await guest.ask("GET", "/jobs/b%2F1/events"))[0] == 404
    assert [job["job_id"] for job in (await guest.ask("GET", "/jobs"))[1]["jobs"]] == ["a/1"]
    assert list((await guest.ask("GET", "/progress/active"))[1]["active_jobs"]) == ["a/1"]
    for query in ("", "?channel=job:a/1&channel=job:b/1", "?job_id=b/1&job_id=a/1", "?channel=jobs"):
        assert {event["job_id"] for event in (await guest.ask("GET", f"/events{query}"))[1]["events"]} == {"a/1"}
    assert (await guest.ask("GET", "/events?job_id=b/1"))[1]["events"] == []


async def test_a_limited_token_reports_its_own_jobs_only(server: WebSocketServer, keys: Keys, session: Any) -> None:
    guest = Guest(server.url, session, keys.make("report", prefixes=("a/", "c")))
    started = {"type": "job_started", "job_id": "a/2"}
    assert (await guest.ask("POST", "/events", json=started))[0] == 200
    status, body = await guest.ask("POST", "/events", json=[{**started, "job_id": "a/3"}, {**started, "job_id": "b/2"}])
    assert (status, body["code"]) == (403, "forbidden")
    assert "a/" in body["error"]
    for path in ("start", "report", "complete_stage", "error", "photo_info", "complete"):
        assert (await guest.ask("POST", f"/progress/{path}", json=_report("b/1")))[0] == 403
    everyone = Guest(server.url, session, keys.make("read"))
    assert (await everyone.ask("GET", "/jobs/a%2F3"))[0] == 404


def _report(job_id: str) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "stage": "importing",
        "progress": 1,
        "error_type": "io",
        "error_message": "lost",
        "photo_data": {},
    }


async def _events_of(socket: aiohttp.ClientWebSocketResponse, until: str) -> list[str]:
    found: list[str] = []
    while True:
        message = await socket.receive_json(timeout=PATIENCE_SECONDS)
        if "sequence" in message and message["type"] != "ack":
            found.append(message["job_id"])
        if message["type"] == until:
            return found


async def test_a_limited_websocket_is_streamed_its_own_jobs_from_the_log_and_live(
    server: WebSocketServer, keys: Keys, session: Any, served: ProgressReporter
) -> None:
    token = keys.make("read", "report", prefixes=("a/",))
    async with session.ws_connect(f"{server.url}/ws", headers=bearer(token)) as socket:
        await socket.send_json({"type": "subscribe", "channels": ["jobs", "job:b/1"], "after": 0})
        assert await _events_of(socket, "caught_up") == ["a/1"]
        served.update_progress("b/1", "importing", 1)
        served.complete_job("a/1").wait()
        assert await _events_of(socket, "job_completed") == ["a/1"]
        await socket.send_json({"type": "job_started", "job_id": "b/9", "ref": 7})
        refused = await socket.receive_json(timeout=PATIENCE_SECONDS)
        assert (refused["type"], refused["code"], refused["ref"]) == ("error", "forbidden", 7)


async def test_a_limited_event_stream_has_its_own_jobs(server: WebSocketServer, keys: Keys, session: Any) -> None:
    token = keys.make("read", prefixes=("b",))
    async with session.get(f"{server.url}/events/stream?after=0", headers=bearer(token)) as response:
        text = ""
        while "caught_up" not in text:
            text += (await response.content.readline()).decode()
    assert '"b/1"' in text
    assert '"a/1"' not in text


async def test_a_limited_polling_client_has_its_own_jobs(server: WebSocketServer, keys: Keys, session: Any) -> None:
    guest = Guest(server.url, session, keys.make("read", "report", prefixes=("b",)))
    client_id = (await guest.ask("POST", "/ws/handshake", json={}))[1]["client_id"]
    messages = [
        {"type": "subscribe", "channels": ["jobs", "job:a/1"], "after": 0},
        {"type": "job_started", "job_id": "a/9"},
    ]
    body = (await guest.ask("POST", "/ws/send", json={"client_id": client_id, "messages": messages}))[1]
    assert [answer.get("code") for answer in body["response"]] == [None, "forbidden"]
    polled = (await guest.ask("GET", f"/ws/poll?client_id={client_id}"))[1]["messages"]
    assert [message["job_id"] for message in polled if "sequence" in message] == ["b/1"]


async def test_a_token_that_may_not_read_cannot_subscribe(server: WebSocketServer, keys: Keys, session: Any) -> None:
    token = keys.make("report")
    async with session.ws_connect(f"{server.url}/ws", headers=bearer(token)) as socket:
        assert (await socket.receive_json())["type"] == "connection_established"
        await socket.send_json({"type": "subscribe", "channels": ["jobs"], "after": 0, "ref": 1})
        assert (await socket.receive_json())["code"] == "forbidden"
        await socket.send_json({"type": "job_started", "job_id": "c", "ref": 2})
        assert (await socket.receive_json())["type"] == "ack"
    guest = Guest(server.url, session, token)
    client_id = (await guest.ask("POST", "/ws/handshake", json={}))[1]["client_id"]
    message = {"type": "subscribe", "channels": ["jobs"]}
    body = (await guest.ask("POST", "/ws/send", json={"client_id": client_id, "message": message}))[1]
    assert body["response"]["code"] == "forbidden"


async def test_a_token_that_may_not_report_cannot_send_events(
    server: WebSocketServer, keys: Keys, session: Any
) -> None:
    async with session.ws_connect(f"{server.url}/ws", headers=bearer(keys.make("read"))) as socket:
        assert (await socket.receive_json())["type"] == "connection_established"
        await socket.send_json({"type": "job_started", "job_id": "c"})
        assert (await socket.receive_json())["code"] == "forbidden"


async def test_a_polling_client_is_its_tokens_own(server: WebSocketServer, keys: Keys, session: Any) -> None:
    owner = Guest(server.url, session, keys.make("read"))
    other = Guest(server.url, session, keys.make("admin"))
    client_id = (await owner.ask("POST", "/ws/handshake", json={}))[1]["client_id"]
    assert (await other.ask("GET", f"/ws/poll?client_id={client_id}"))[0] == 404
    await other.ask("POST", "/ws/disconnect", json={"client_id": client_id})
    assert (await owner.ask("GET", f"/ws/poll?client_id={client_id}"))[0] == 200


async def test_the_list_of_clients_names_no_job_that_is_not_to_be_seen(
    server: WebSocketServer, keys: Keys, session: Any
) -> None:
    limited = keys.make("read", prefixes=("a/",))
    async with session.ws_connect(f"{server.url}/ws", headers=bearer(keys.make("read"))) as socket:
        await socket.send_json({"type": "subscribe", "channels": ["job:b/1"]})
        await _events_of(socket, "subscription_confirmed")
        assert (await Guest(server.url, session, limited).ask("GET", "/ws/status"))[1]["clients"] == []
        everything = Guest(server.url, session, keys.make("read"))
        (client,) = (await everything.ask("GET", "/ws/status"))[1]["clients"]
        assert client["channels"] == ["job:b/1"]


# A WebSocket's token.


async def test_a_token_may_come_as_a_subprotocol(server: WebSocketServer, keys: Keys, session: Any) -> None:
    token = keys.make("read")
    offered = ("jobreel.v1", f"jobreel.token.{token}")
    async with session.ws_connect(f"{server.url}/ws", protocols=offered) as socket:
        assert socket.protocol == "jobreel.v1"
        assert (await socket.receive_json())["type"] == "connection_established"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(f"{server.url}/ws", protocols=(offered[1],))
    assert caught.value.status == 401


async def test_a_token_may_come_as_the_first_message(server: WebSocketServer, keys: Keys, session: Any) -> None:
    async with session.ws_connect(f"{server.url}/ws") as socket:
        await socket.send_json({"type": "auth", "token": keys.make("read"), "ref": "r"})
        confirmed = await socket.receive_json()
        assert (confirmed["type"], confirmed["scopes"], confirmed["ref"]) == ("authenticated", ["read"], "r")
        assert (await socket.receive_json())["type"] == "connection_established"
        await socket.send_json({"type": "subscribe", "channels": ["jobs"], "after": 0})
        assert await _events_of(socket, "caught_up") == ["a/1", "b/1"]
        await socket.send_json({"type": "auth", "token": "again"})
        assert (await socket.receive_json())["code"] == "invalid_query"


@pytest.mark.parametrize(
    "first",
    [
        '{"type":"subscribe","channels":["jobs"],"after":0}',
        '{"type":"auth"}',
        '{"type":"auth","token":7}',
        '{"type":"auth","token":"jobreel_x"}',
        "{",
        "[]",
        None,
    ],
)
async def test_without_a_token_a_websocket_is_told_nothing_and_sent_away(
    first: str | None, server: WebSocketServer, keys: Keys, session: Any
) -> None:
    async with session.ws_connect(f"{server.url}/ws") as socket:
        if first is not None:
            await socket.send_str(first)
        message = await socket.receive_json(timeout=PATIENCE_SECONDS)
        assert message["type"] == "error"
        assert "epoch" not in message
        closed = await socket.receive(timeout=PATIENCE_SECONDS)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)


# Revoking.


async def test_revoking_closes_every_live_connection_of_that_token(
    server: WebSocketServer, keys: Keys, session: Any
) -> None:
    token, other = keys.make("read"), keys.make("read")
    async with (
        session.ws_connect(f"{server.url}/ws", headers=bearer(token)) as by_header,
        session.ws_connect(f"{server.url}/ws") as by_message,
        session.ws_connect(f"{server.url}/ws", headers=bearer(other)) as staying,
        session.get(f"{server.url}/events/stream", headers=bearer(token)) as stream,
    ):
        await by_message.send_json({"type": "auth", "token": token})
        for message in ("authenticated", "connection_established"):
            assert (await by_message.receive_json())["type"] == message
        waiting = asyncio.create_task(Guest(server.url, session, token).ask("GET", "/events?after=2&wait=30"))
        await by_header.receive_json()
        await stream.content.readuntil(b"\n\n")
        keys.revoke(token)
        async with asyncio.timeout(REVOKED_WITHIN_SECONDS):
            for socket in (by_header, by_message):
                closed = await socket.receive()
                assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                assert (await waiting)[0] == 401, "the client asked again by itself"
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                while await stream.content.readuntil(b"\n\n"):
                    pass
        assert (await staying.receive_json())["type"] == "connection_established"
        await staying.send_json({"type": "ping"})
        assert (await staying.receive_json())["type"] == "pong"
    assert (await Guest(server.url, session, token).ask("GET", "/jobs"))[0] == 401


async def test_a_token_that_expires_ends_its_connections(server: WebSocketServer, keys: Keys, session: Any) -> None:
    token = keys.make("read", expires_at=now() + MICROSECONDS)
    async with session.ws_connect(f"{server.url}/ws", headers=bearer(token)) as socket:
        assert (await socket.receive_json())["type"] == "connection_established"
        async with asyncio.timeout(1 + REVOKED_WITHIN_SECONDS):
            assert (await socket.receive()).data == 1008


async def test_a_token_is_good_as_soon_as_it_is_made(server: WebSocketServer, keys: Keys, session: Any) -> None:
    for _ in range(3):
        assert (await Guest(server.url, session, keys.make("read")).ask("GET", "/jobs"))[0] == 200


# Pages.


async def test_a_page_that_may_use_the_server_is_told_so(server: WebSocketServer, keys: Keys, session: Any) -> None:
    origin = {"Origin": "http://localhost:3000"}
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with session.options(f"{server.url}/jobs", headers={**origin, **asked}) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        assert "GET" in response.headers["Access-Control-Allow-Methods"]
    async with session.get(f"{server.url}/jobs", headers={**origin, **bearer(keys.make("read"))}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, origin["Origin"])
        assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("path", ["/", "/jobs", "/nothing"])
async def test_every_answer_tells_browsers_to_be_careful(
    path: str, server: WebSocketServer, keys: Keys, session: Any
) -> None:
    async with session.get(server.url + path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_pages_of_other_sites_are_refused_before_an_upgrade(
    server: WebSocketServer, keys: Keys, session: Any
) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{server.url}/ws", headers={**headers, **bearer(keys.make("admin"))})
        assert caught.value.status == 403


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_form_of_another_site_records_nothing(
    content_type: str, server: WebSocketServer, served: ProgressReporter, session: Any, keys: Keys
) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": content_type}
    body = b'{"type":"job_started","job_id":"forged"}'
    async with session.post(f"{server.url}/events", data=body, headers=headers) as response:
        assert response.status == 403
    headers = {"Content-Type": content_type, **bearer(keys.make("report"))}
    async with session.post(f"{server.url}/events", data=body, headers=headers) as response:
        assert response.status == 415
    assert served.get_active_jobs().keys() == {"a/1", "b/1"}


# Starting.


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_a_server_that_others_reach_does_not_start_without_a_token(host: str, database_url: str) -> None:
    with pytest.raises(TokensNeeded, match="tracker token create"):
        ProgressReporter(WebSocketServer(host, 0), settings=Settings(database_url=database_url, host=host))


def test_with_a_token_or_by_leave_it_starts(database_url: str) -> None:
    insecure = Settings(database_url=database_url, host="0.0.0.0", insecure=True)
    with ProgressReporter(WebSocketServer("0.0.0.0", 0), settings=insecure):
        pass
    keys = Keys(database_url)
    keys.make("read")
    keys.close()
    with ProgressReporter(
        WebSocketServer("0.0.0.0", 0),
        settings=Settings(database_url=database_url, host="0.0.0.0"),
    ):
        pass
