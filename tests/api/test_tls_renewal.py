"""A certificate that is renewed while the server runs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from api import tls
from tests.api.authority import (
    Authority,
    Peer,
    certificate_of,
    next_event,
    replace,
    secure_http,
    secure_serving,
    secure_socket,
    secure_stream,
    shown_certificate,
)
from tests.api.clients import PATIENCE_SECONDS
from tracker.settings import Settings

_NEVER = 3600.0


@pytest.fixture
def settings(database_url: str, authority: Authority) -> Settings:
    return Settings(
        database_url=database_url,
        tls_cert=str(authority.cert),
        tls_key=str(authority.key),
    )


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():
            await asyncio.sleep(0.01)


def _shown_to(client: ClientConnection) -> Peer:
    return certificate_of(client.transport.get_extra_info("ssl_object"))


async def _until_renewed(port: int, authority: Authority, before: Peer) -> Peer:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (shown := await shown_certificate(port, authority)) == before:
            await asyncio.sleep(0.02)
    return shown


@pytest.mark.parametrize("is_asked", [True, False], ids=["when asked", "when the files change"])
async def test_a_renewed_certificate_is_taken_up_and_nobody_is_disconnected(
    settings: Settings, authority: Authority, quiet_log: None, is_asked: bool
) -> None:
    certificate = tls.Certificate(authority.cert, authority.key, _NEVER if is_asked else 0.05)
    async with secure_serving(settings, certificate) as (_, port):
        url = f"https://127.0.0.1:{port}"
        async with (
            secure_http(url, authority) as http,
            secure_socket(url, authority) as viewer,
            secure_stream(http) as events,
        ):
            first = await shown_certificate(port, authority)
            await viewer.subscribe("jobs")
            await http.post("/progress/start", {"job_id": "before"})
            assert (await viewer.receive())["job_id"] == "before"
            assert (await next_event(events))["job_id"] == "before"
            authority.issue()
            if is_asked:
                certificate.ask_to_reload()
            second = await _until_renewed(port, authority, first)
            await http.post("/progress/start", {"job_id": "after"})
            # The same connections, with what they began with.
            assert (await viewer.receive())["job_id"] == "after"
            assert (await next_event(events))["job_id"] == "after"
            assert _shown_to(viewer.connection) == first
            # A client that comes back has the new one, and goes on where it was.
            await viewer.connection.close()
            await http.post("/progress/start", {"job_id": "meanwhile"})
            async with secure_socket(url, authority) as resumed:
                assert _shown_to(resumed.connection) == second
                await resumed.subscribe("jobs", after=2, epoch=viewer.welcome["epoch"])
                missed = [message for message in await resumed.until(type="caught_up") if "sequence" in message]
                assert [message["job_id"] for message in missed] == ["meanwhile"]


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "certificate" in record.getMessage()]


async def test_a_bad_new_file_leaves_the_old_one_in_force_until_it_is_good(
    settings: Settings, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    certificate = tls.Certificate(authority.cert, authority.key, 0.02)
    async with secure_serving(settings, certificate) as (_, port):
        first = await shown_certificate(port, authority)
        replace(authority.cert, authority.cert.read_bytes()[:100])
        await _until(lambda: len(_told(caplog)) == 1)
        caplog.clear()
        assert await shown_certificate(port, authority) == first
        # Looked at many times, told once; who asks for it is told again.
        looks: list[int] = []
        load = tls._load

        def counted(cert: Path, key: Path) -> ssl.SSLContext:
            looks.append(1)
            return load(cert, key)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(tls, "_load", counted)
            await _until(lambda: len(looks) > 3)
        assert _told(caplog) == []
        certificate.ask_to_reload()
        await _until(lambda: bool(_told(caplog)))
        assert _told(caplog)[0].startswith("The certificate was not renewed, the one before stays in use: tls_cert: ")
        assert str(authority.cert) in _told(caplog)[0]
        caplog.clear()
        authority.issue()
        assert await _until_renewed(port, authority, first) != first
        assert any("New connections get the certificate" in told for told in _told(caplog))


async def test_half_of_a_renewal_is_not_used(
    settings: Settings, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = tls.Certificate(authority.cert, authority.key, 0.02)
    async with secure_serving(settings, certificate) as (_, port):
        first = await shown_certificate(port, authority)
        cert, key = authority.draft()
        replace(authority.cert, cert)
        await _until(lambda: any("is not the key of the certificate" in told for told in _told(caplog)))
        assert await shown_certificate(port, authority) == first
        replace(authority.key, key)
        await _until_renewed(port, authority, first)


async def test_it_may_be_asked_for_before_the_server_listens(settings: Settings, authority: Authority) -> None:
    certificate = tls.Certificate(authority.cert, authority.key, _NEVER)
    first = ssl.PEM_cert_to_DER_cert(authority.cert.read_text().split("-\n\n")[0])
    authority.issue()
    certificate.ask_to_reload()
    async with secure_serving(settings, certificate) as (_, port):
        await _until_renewed(port, authority, first)


def test_it_may_be_asked_for_after_the_end(settings: Settings, authority: Authority) -> None:
    certificate = tls.Certificate(authority.cert, authority.key, _NEVER)

    async def serve() -> None:
        async with secure_serving(settings, certificate):
            await asyncio.sleep(0)  # the watch begins

    asyncio.run(serve())
    certificate.ask_to_reload()
