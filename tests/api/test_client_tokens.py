"""The Python client's token: where it is sent, what a refusal of it does, and that nothing shows it."""

from __future__ import annotations

import asyncio
import logging
import ssl
import traceback
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
import trustme

from tracker import client, client_socket
from tracker.client import ServerRefused, ServerUnreachable, subscribe
from tracker.errors import InvalidQuery

from .clients import PATIENCE_SECONDS
from .foreign import CONFIRMED, UNAUTHORIZED, WELCOME, Foreign, Talk, event, refusing, saying

TOKEN = "jobreel_0123456789_s3cret_check1"
BODY = {"success": False, "error": "This token is not known here.", "code": "unauthorized"}
STREAM = saying(WELCOME, then=(CONFIRMED, event(1), event(2)))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(client, "_LONGEST_PAUSE", 0.05)


async def read(base: str, count: int, **options: Any) -> list[int]:
    """The positions of the first events."""
    wanted = {"after": 0, "token": TOKEN, **options}
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(subscribe(base, **wanted)) as events:
        return [(await anext(events))["position"] for _ in range(count)]


async def test_the_token_goes_with_the_upgrade_of_every_connection() -> None:
    server = Foreign(saying(WELCOME, then=(CONFIRMED, event(1)), code=1012), STREAM)
    async with server.serving() as base:
        assert await read(base, 2) == [1, 2]
    assert server.shown == [f"Bearer {TOKEN}"] * 2


async def test_without_a_token_there_is_no_header() -> None:
    server = Foreign(STREAM)
    async with server.serving() as base:
        await read(base, 1, token=None)
    assert server.shown == [None]


async def test_the_end_of_the_line_that_a_file_has_is_left_out() -> None:
    server = Foreign(STREAM)
    async with server.serving() as base:
        await read(base, 1, token=f"{TOKEN}\r\n")
    assert server.shown == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("token", ["", " ", "s3cret s3cret", "s3cret\ns3cret", "s3crét", "s3cret\x00", "s3cret\ud800"])
async def test_what_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    server = Foreign(STREAM)
    async with server.serving() as base:
        with pytest.raises(InvalidQuery, match="token: must be what `tracker token create` printed") as refused:
            await read(base, 1, token=token)
    assert "s3cr" not in repr(refused.value)
    assert server.shown == []


async def cut_off(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
    """A refusal whose reason is lost on the way."""
    response = aiohttp.web.StreamResponse(status=401, headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"error":')
    assert request.transport
    request.transport.close()
    return response


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize(
    ("talk", "told", "refusal"),
    [
        (refusing(401, BODY), "This token is not known here.", "unauthorized"),
        (refusing(403, {**BODY, "error": "Not from there.", "code": "forbidden_host"}), "Not from", "forbidden_host"),
        (refusing(401, b"<html>"), "this client may not use it (HTTP status 401)", "unauthorized"),
        (refusing(403, b""), "this client may not use it (HTTP status 403)", "forbidden"),
        (refusing(401, ["no", "object"]), "HTTP status 401", "unauthorized"),
        (refusing(401, {"detail": "x" * 1_000_000}), "HTTP status 401", "unauthorized"),
        (cut_off, "HTTP status 401", "unauthorized"),
        (saying(UNAUTHORIZED, code=1008, reason=b"unauthorized"), "It is not known here.", "unauthorized"),
        (saying({**UNAUTHORIZED, "code": "forbidden"}), "It is not known here.", "forbidden"),
        (saying(code=1008, reason=b"who are you?"), "who are you?", "not_allowed"),
        (saying(code=1008), "sent this client away", "not_allowed"),
    ],
)
async def test_who_is_refused_is_told_why_and_does_not_ask_again(
    talk: Talk, told: str, refusal: str, patient: bool
) -> None:
    server = Foreign(talk)
    async with server.serving() as base:
        with pytest.raises(ServerRefused) as refused:
            await read(base, 1, patient=patient)
    assert str(refused.value).startswith(f"The server at {base} refused: ")
    assert told in str(refused.value)
    assert refused.value.refusal == refusal
    assert len(server.shown) == 1


@pytest.mark.parametrize(
    "talk",
    [
        refusing(503, BODY),
        refusing(404, b""),
        saying(WELCOME, code=1011),
        saying("no message"),
        saying("[]"),
        saying(b"{}"),
        saying({"type": "error", "error": "Full.", "code": "too_many_clients"}),
        saying(WELCOME, then=(CONFIRMED, "no message")),
    ],
    ids=["status 503", "status 404", "close 1011", "no JSON", "no object", "no text", "another error", "later"],
)
async def test_what_may_pass_is_tried_again(talk: Talk) -> None:
    server = Foreign(talk, talk, STREAM)
    async with server.serving() as base:
        assert await read(base, 2) == [1, 2]
    assert len(server.shown) == 3


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (saying(WELCOME, then=(CONFIRMED, event(1)), code=1008, reason=b"the token was revoked"), "token was revoked"),
        (saying(WELCOME, then=(CONFIRMED, event(1), UNAUTHORIZED)), "It is not known here."),
    ],
)
async def test_a_token_that_is_revoked_on_the_way_ends_it_after_what_came_before(talk: Talk, told: str) -> None:
    server = Foreign(talk)
    async with server.serving() as base, aclosing(subscribe(base, after=0, token=TOKEN)) as events:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await anext(events))["position"] == 1
            with pytest.raises(ServerRefused, match=told):
                await anext(events)
    assert len(server.shown) == 1


async def test_a_token_that_is_good_no_more_at_the_next_connection_ends_it() -> None:
    server = Foreign(saying(WELCOME, then=(CONFIRMED, event(1)), code=1012), refusing(401, BODY))
    async with server.serving() as base:
        with pytest.raises(ServerRefused, match="not known here"):
            await read(base, 2)
    assert len(server.shown) == 2


async def test_a_connection_that_fell_silent_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_socket, "_SILENCE_SECONDS", 0.2)
    # Neither answers a ping, as a server that hangs does; the second speaks before one is due.
    server = Foreign(saying(WELCOME, then=(CONFIRMED, event(1))), STREAM)
    async with server.serving() as base:
        assert await read(base, 2) == [1, 2]
    assert len(server.shown) == 2


async def test_a_frame_against_the_protocol_ends_only_the_connection() -> None:
    async def break_off(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        socket = aiohttp.web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport
        request.transport.write(b"\xff\x00")
        async for _ in socket:
            pass
        return socket

    server = Foreign(break_off, STREAM)
    async with server.serving() as base:
        assert await read(base, 1) == [1]


def everything_in(error: BaseException) -> str:
    """All that a program which reports errors could show of one."""
    seen: list[str] = traceback.format_exception(error)
    at: BaseException | None = error
    while at is not None:
        seen += [repr(at), str(at), repr(at.args), repr(vars(at))]
        at = at.__cause__ or at.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (refusing(401, BODY), ServerRefused),
        (refusing(404, b""), ServerUnreachable),
        (refusing(101, b""), ServerUnreachable),
        (saying(UNAUTHORIZED, code=1008), ServerRefused),
    ],
)
async def test_no_error_and_no_log_shows_the_token(
    talk: Talk, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = Foreign(talk)
    async with server.serving() as base:
        with pytest.raises(kind) as raised:
            await read(base, 1, patient=False)
    assert server.shown == [f"Bearer {TOKEN}"]
    assert TOKEN not in everything_in(raised.value)
    assert TOKEN not in caplog.text


async def test_the_check_above_can_fail() -> None:
    # What aiohttp itself raises does show the headers that were sent.
    async with Foreign(refusing(404, b"")).serving() as base, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
            await session.ws_connect(f"{base}/ws", headers={"Authorization": f"Bearer {TOKEN}"})
    assert TOKEN in everything_in(raised.value)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server of 127.0.0.1 has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client has that trusts it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("scheme", ["https", "wss"])
async def test_over_tls_with_a_certificate_that_is_trusted(
    tls: ssl.SSLContext, trusting: ssl.SSLContext, scheme: str
) -> None:
    server = Foreign(STREAM)
    async with server.serving(tls) as base:
        assert await read(base.replace("https", scheme), 2, ssl=trusting) == [1, 2]
    assert server.shown == [f"Bearer {TOKEN}"]


async def test_a_certificate_that_is_not_trusted_is_told_and_the_token_is_not_sent(tls: ssl.SSLContext) -> None:
    server = Foreign(STREAM)
    async with server.serving(tls) as base:
        with pytest.raises(ServerUnreachable, match=r"The certificate of https://.* is not trusted: .*certificate"):
            await read(base, 1, patient=False)
    assert server.shown == []


async def test_a_server_without_tls_is_told() -> None:
    async with Foreign(STREAM).serving() as base:
        with pytest.raises(ServerUnreachable, match=r"https://.* does not speak TLS"):
            await read(base.replace("http", "https"), 1, patient=False)
