"""A test authority, the certificates it issues, and clients that trust it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import trustme
from websockets.asyncio.client import connect

from api import tls
from api.serving import serving
from tests.api.clients import PATIENCE_SECONDS, HttpClient, Message, SocketClient
from tracker.runtime import Tracker
from tracker.settings import Settings

Peer = bytes | None


class Authority:
    """Issues certificates for 127.0.0.1 into the two files that a server is given."""

    def __init__(self, folder: Path) -> None:
        self.cert = folder / "cert.pem"
        self.key = folder / "key.pem"
        self._authority = trustme.CA()

    def issue(self) -> None:
        """Replace both files, each at once, as a renewal does: the certificate first."""
        cert, key = self.draft()
        replace(self.cert, cert)
        replace(self.key, key)

    def draft(self) -> tuple[bytes, bytes]:
        """What another certificate and its key would be."""
        issued = self._authority.issue_cert("127.0.0.1", "localhost")
        return b"".join(blob.bytes() for blob in issued.cert_chain_pems), issued.private_key_pem.bytes()

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this authority and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        return context


def replace(path: Path, content: bytes) -> None:
    """Put a new file in the place of one."""
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)


@asynccontextmanager
async def secure_http(url: str, authority: Authority) -> AsyncIterator[HttpClient]:
    """A client of a server at ``https://…``."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    connector = aiohttp.TCPConnector(ssl=authority.trusting())
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        yield HttpClient(url, session)


@asynccontextmanager
async def secure_socket(url: str, authority: Authority) -> AsyncIterator[SocketClient]:
    """A WebSocket client of a server at ``https://…``."""
    address = url.replace("https://", "wss://") + "/ws"
    async with connect(address, ssl=authority.trusting(), compression=None) as connection:
        yield SocketClient(connection, json.loads(await connection.recv()))


async def shown_certificate(port: int, authority: Authority) -> Peer:
    """The certificate that a new client is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=authority.trusting())
    try:
        return certificate_of(writer.get_extra_info("ssl_object"))
    finally:
        writer.close()
        await writer.wait_closed()


def certificate_of(secured: ssl.SSLObject) -> Peer:
    return secured.getpeercert(binary_form=True)


@asynccontextmanager
async def secure_stream(http: HttpClient, query: str = "") -> AsyncIterator[aiohttp.ClientResponse]:
    async with http._session.get(f"{http.url}/events/stream{query}") as response:
        assert response.status == 200
        yield response


async def next_event(events: aiohttp.ClientResponse) -> Message:
    """The next event of a stream."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            line = (await events.content.readline()).decode()
            assert line, "the stream ended"
            message: Message = json.loads(line[6:]) if line.startswith("data: ") else {}
            if "prev" in message and "job_id" in message:
                return message


@asynccontextmanager
async def secure_serving(settings: Settings, certificate: tls.Certificate) -> AsyncIterator[tuple[Tracker, int]]:
    with Tracker(settings) as tracker:
        async with serving(tracker, "127.0.0.1", 0, certificate) as port:
            yield tracker, port
