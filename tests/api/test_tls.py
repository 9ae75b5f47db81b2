"""TLS: what is refused before the server listens, and what is served."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import socket
import ssl
import tracemalloc
import warnings
from asyncio import sslproto
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from api import serving as serving_module
from api import tls
from api.websocket_server import WebSocketServer
from tests.api.authority import (
    Authority,
    next_event,
    secure_http,
    secure_serving,
    secure_socket,
    secure_stream,
)
from tests.api.clients import PATIENCE_SECONDS, HttpClient, positions
from tracker.errors import InvalidSetting
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_NEVER = 3600.0


@pytest.fixture
def settings(database_url: str, authority: Authority) -> Settings:
    return Settings(
        database_url=database_url,
        send_timeout_seconds=1,
        tls_cert=str(authority.cert),
        tls_key=str(authority.key),
    )


# What is refused


def _self_signed(cert: Path, key: Path, bits: int, password: bytes | None = None) -> None:
    private = rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 7, now - day, now + day)
    cert.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, lock))


def _as_der(authority: Authority) -> None:
    authority.cert.write_bytes(ssl.PEM_cert_to_DER_cert(authority.cert.read_text().split("-\n\n")[0]))


def _swap(authority: Authority) -> None:
    cert, key = authority.cert.read_bytes(), authority.key.read_bytes()
    authority.cert.write_bytes(key)
    authority.key.write_bytes(cert)


def _change_cert_only(authority: Authority) -> None:
    authority.cert.write_bytes(authority.draft()[0])


def _key_of_another_kind(authority: Authority) -> None:
    cert = authority.cert.read_bytes()
    _self_signed(authority.cert, authority.key, 2048)
    authority.cert.write_bytes(cert)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


_SPOILT: dict[str, tuple[Callable[[Authority], object], str, str]] = {
    "no certificate": (lambda files: files.cert.unlink(), "tls_cert", "cannot be read: No such file"),
    "no key": (lambda files: files.key.unlink(), "tls_key", "cannot be read: No such file"),
    "not PEM": (_as_der, "tls_cert", "holds no certificate in PEM form"),
    "the wrong way round": (_swap, "tls_cert", "holds no certificate in PEM form"),
    "no private key": (lambda files: files.key.write_bytes(files.cert.read_bytes()), "tls_key", "holds no private key"),
    "an empty key": (lambda files: files.key.write_bytes(b""), "tls_key", "holds no private key in PEM form"),
    "another's key": (_change_cert_only, "tls_key", "is not the key of the certificate in {cert}"),
    "another kind of key": (_key_of_another_kind, "tls_key", "is not the key of the certificate in {cert}"),
    "half a certificate": (lambda files: _cut(files.cert), "tls_cert", "is damaged or was cut"),
    "half a key": (lambda files: _cut(files.key), "tls_key", "is damaged or was cut"),
    "a passphrase": (
        lambda files: _self_signed(files.cert, files.key, 2048, b"secret"),
        "tls_key",
        "has a passphrase; store the key without one",
    ),
    "weak": (lambda files: _self_signed(files.cert, files.key, 1024), "tls_cert", "cannot be used: ee key too small"),
}


@pytest.mark.parametrize("what", _SPOILT)
def test_files_that_cannot_be_used_are_one_error_that_names_the_file(
    settings: Settings, authority: Authority, what: str
) -> None:
    assert tls.certificate(settings) is not None
    spoil, setting, problem = _SPOILT[what]
    spoil(authority)
    path = {"tls_cert": settings.tls_cert, "tls_key": settings.tls_key}[setting]
    with pytest.raises(InvalidSetting) as caught:
        tls.certificate(settings)
    assert caught.value.setting == setting
    assert str(caught.value).startswith(f"{setting}: {problem.format(cert=authority.cert)}")
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("missing", "named"), [("tls_key", "tls_cert"), ("tls_cert", "tls_key")])
def test_both_files_or_neither(settings: Settings, missing: str, named: str) -> None:
    half = Settings(**{named: getattr(settings, named)})
    with pytest.raises(InvalidSetting, match=f"^{named}: needs .* or neither"):
        tls.certificate(half)
    assert tls.certificate(Settings()) is None


def test_an_embedded_server_with_a_bad_certificate_does_not_listen(
    server: WebSocketServer, settings: Settings, authority: Authority
) -> None:
    authority.key.unlink()
    with pytest.raises(InvalidSetting, match="tls_key: cannot be read"), ProgressReporter(server, settings=settings):
        pass
    assert server.port == 0


# What is served


async def test_every_transport_works_over_tls(
    served: ProgressReporter, server: WebSocketServer, authority: Authority, quiet_log: None
) -> None:
    assert server.url == f"https://127.0.0.1:{server.port}"
    async with secure_http(server.url, authority) as http, secure_socket(server.url, authority) as viewer:
        await viewer.subscribe("jobs")
        answer = await http.post("/progress/start", {"job_id": "secret"})
        assert (answer.status, answer.body["position"]) == (200, 1)
        assert (await viewer.receive())["job_id"] == "secret"
        async with secure_stream(http, "?after=0") as events:
            assert (await next_event(events))["job_id"] == "secret"


async def test_who_does_not_trust_the_authority_does_not_talk_to_it(
    served: ProgressReporter, server: WebSocketServer, tmp_path: Path, quiet_log: None
) -> None:
    stranger = Authority(tmp_path / "elsewhere")
    async with secure_http(server.url, stranger) as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get("/healthz")


def _up_to(authority: Authority, newest: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that would speak any version up to this one."""
    context = authority.trusting()
    _allow_old(context)
    context.maximum_version = newest
    return context


def _allow_old(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def _spoken(port: int, context: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.version()


@pytest.mark.parametrize(("newest", "version"), [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")])
def test_tls_1_2_and_later_are_spoken(
    served: ProgressReporter, server: WebSocketServer, authority: Authority, newest: str, version: str
) -> None:
    assert _spoken(server.port, _up_to(authority, ssl.TLSVersion[newest])) == version


async def test_tls_1_1_is_refused(settings: Settings, authority: Authority) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = _up_to(authority, ssl.TLSVersion.TLSv1_1)
    certificate = tls.Certificate(authority.cert, authority.key, _NEVER)
    async with secure_serving(settings, certificate) as (_, port):
        with pytest.raises(OSError, match=r"EOF|reset|[Aa]lert"):
            await asyncio.to_thread(_spoken, port, old)
        # The control: it is the server's least version that refuses, and nothing else.
        _allow_old(certificate.context)
        certificate.context.sni_callback = None
        assert await asyncio.to_thread(_spoken, port, old) == "TLSv1.1"


async def test_plain_http_is_not_answered_and_harms_nobody(
    served: ProgressReporter, server: WebSocketServer, authority: Authority, quiet_log: None
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert b"HTTP" not in await reader.read()
    writer.close()
    async with secure_http(server.url, authority) as http:
        assert (await http.get("/healthz")).status == 200


async def test_a_handshake_that_is_not_finished_is_cut(
    settings: Settings, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch, quiet_log: None
) -> None:
    monkeypatch.setitem(serving_module._TLS_TIMEOUTS, "ssl_handshake_timeout", 0.2)
    with ProgressReporter(server, settings=settings):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b""
        writer.close()


# Clients that do not read


_SILENT_REQUESTS = {
    "websocket": b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "sse": b"GET /events/stream?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}
_SUBSCRIBE = json.dumps({"type": "subscribe", "channels": ["jobs"], "after": 0}).encode()


@contextlib.contextmanager
def _silent_client(port: int, authority: Authority, transport: str) -> Iterator[ssl.SSLSocket]:
    """Subscribes from the beginning, and reads nothing of what comes."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", port))
    with authority.trusting().wrap_socket(plain, server_hostname="127.0.0.1") as client:
        client.sendall(_SILENT_REQUESTS[transport])
        if transport == "websocket":
            client.sendall(b"\x81" + bytes((0x80 | len(_SUBSCRIBE),)) + b"\0\0\0\0" + _SUBSCRIBE)
        yield client


async def _clients(http: HttpClient) -> int:
    return int((await http.get("/ws/status")).body["connected_clients"])


async def _until_connected(http: HttpClient, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await _clients(http) != count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", _SILENT_REQUESTS)
async def test_a_client_that_does_not_read_is_cut_and_one_that_reads_is_not(
    served: ProgressReporter, server: WebSocketServer, authority: Authority, transport: str, quiet_log: None
) -> None:
    events, size = 300, 30_000
    async with secure_http(server.url, authority) as http, secure_socket(server.url, authority) as reading:
        await reading.subscribe("jobs")
        with _silent_client(server.port, authority, transport) as silent:
            await _until_connected(http, 2)
            served.start_job("j")
            for number in range(events - 1):
                served.update_progress("j", "importing", number % 101, "x" * size)
            got = positions(await reading.until(position=events))
            await _until_connected(http, 1)
            silent.settimeout(PATIENCE_SECONDS)
            received = await asyncio.to_thread(_rest, silent)
        assert got == list(range(1, events + 1))
        # Cut off with little held for it: what the system and the buffer had, of nine million bytes.
        assert received < events * size / 4
        assert await reading.is_silent()


def _rest(client: ssl.SSLSocket) -> int:
    """How much still comes until the server's end of the connection."""
    total = 0
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        while data := client.recv(65_536):
            total += len(data)
    return total


def _bytes_a_connection(port: int, authority: Authority) -> float:
    count, context = 20, authority.trusting()
    with contextlib.ExitStack() as open_connections:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            plain = open_connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            secured = open_connections.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))
            secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            secured.recv(65_536)
        return (tracemalloc.get_traced_memory()[0] - before) / count


def test_a_process_of_ours_holds_little_for_a_connection(
    served: ProgressReporter, server: WebSocketServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", 256 * 1024)  # as it is of itself
    tracemalloc.start()
    try:
        assert _bytes_a_connection(server.port, authority) > 256 * 1024
        tls.hold_little()
        assert _bytes_a_connection(server.port, authority) < 64 * 1024
    finally:
        tracemalloc.stop()
