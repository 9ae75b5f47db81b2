"""The server's certificate: read before it listens, and again when it was renewed, without dropping anyone."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from asyncio import sslproto
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tracker.errors import InvalidSetting
from tracker.settings import Settings

_log = logging.getLogger("tracker")
_LOOK_EVERY_SECONDS = 30.0
_READ_BYTES = 16 * 1024  # a TLS record
_CERTIFICATE = re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----")
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")  # as OpenSSL calls them
_Stamps = list[tuple[int, int, int] | None]


class Certificate:
    """A certificate and its key. New connections get the newest; those that are open keep what they began with."""

    def __init__(self, cert: Path, key: Path, look_every_seconds: float = _LOOK_EVERY_SECONDS) -> None:
        """Read both files.

        Raises:
            InvalidSetting: If they cannot be used; it names the file.
        """
        self._cert = cert
        self._key = key
        self._look_every_seconds = look_every_seconds
        self._seen = self._stamps()
        self._current = _load(cert, key)
        self._problem = ""
        self._is_asked = False
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        # What listens. Each connection changes at its first message to the context that is current then, so that what
        # was read and found good is what is used, even if the files change once more meanwhile.
        self.context = _load(cert, key)
        self.context.sni_callback = self._use_current

    def ask_to_reload(self) -> None:
        """Have the files read again. Any thread, also a signal's handler; returns at once."""
        self._is_asked = True
        if self._waiter is not None:
            loop, event = self._waiter
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(event.set)

    async def watch(self) -> None:
        """Read the files again when that is asked for, and when they have changed; until cancelled."""
        event = asyncio.Event()
        self._waiter = asyncio.get_running_loop(), event
        while True:
            if not self._is_asked:
                with suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), self._look_every_seconds)
            event.clear()
            is_asked, self._is_asked = self._is_asked, False
            # A file system that hangs must not hang those who are connected.
            await asyncio.to_thread(self._reload, is_asked=is_asked)

    def _reload(self, *, is_asked: bool) -> None:
        stamps = self._stamps()
        if stamps == self._seen and not self._problem and not is_asked:
            return
        self._seen = stamps
        try:
            self._current = _load(self._cert, self._key)
        except InvalidSetting as error:
            # Tried again at the next look: it may be half of a renewal. Told once, or whenever it is asked for.
            if str(error) != self._problem or is_asked:
                _log.error("The certificate was not renewed, the one before stays in use: %s", error)
            self._problem = str(error)
        else:
            self._problem = ""
            _log.info("New connections get the certificate that %s holds now", self._cert)

    def _use_current(self, connection: ssl.SSLObject, *_: object) -> None:
        connection.context = self._current

    def _stamps(self) -> _Stamps:
        return [_stamp(self._cert), _stamp(self._key)]


def certificate(settings: Settings) -> Certificate | None:
    """The certificate of the settings; None where they name none: the server speaks plain HTTP then.

    Raises:
        InvalidSetting: If only one of the two files is named, or one cannot be used.
    """
    match settings.tls_cert, settings.tls_key:
        case "", "":
            return None
        case "", key:
            raise InvalidSetting("tls_key", key, "needs the certificate too: give --tls-cert with it, or neither")
        case cert, "":
            raise InvalidSetting("tls_cert", cert, "needs its key too: give --tls-key with it, or neither")
        case cert, key:
            return Certificate(Path(cert), Path(key))


def hold_little() -> None:
    """Have asyncio keep 16 KiB for what a TLS connection reads, and not 256, for all connections of this process."""
    # Not documented, the same in all versions so far. Ten thousand clients need 0.5 GB so, and 3 GB without it.
    sslproto.SSLProtocol.max_size = _READ_BYTES


def _load(cert: Path, key: Path) -> ssl.SSLContext:
    _demand("tls_cert", cert, _CERTIFICATE, "certificate")
    _demand("tls_key", key, _PRIVATE_KEY, "private key")

    def refuse() -> NoReturn:
        raise InvalidSetting("tls_key", str(key), "has a passphrase; store the key without one, readable by you only")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(cert, key, refuse)
    except ssl.SSLError as error:
        raise _refusal(cert, key, error) from error
    except OSError as error:  # it was there a moment ago
        raise InvalidSetting("tls_cert", str(cert), f"cannot be read: {error.strerror}") from error
    return context


def _demand(setting: str, path: Path, wanted: re.Pattern[bytes], what: str) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidSetting(setting, str(path), f"cannot be read: {error.strerror}") from error
    if not wanted.search(content):
        raise InvalidSetting(setting, str(path), f"holds no {what} in PEM form; name the file that does")


def _refusal(cert: Path, key: Path, error: ssl.SSLError) -> InvalidSetting:
    if error.reason in _MISMATCHES:
        problem = f"is not the key of the certificate in {cert}; name the two files that were made together"
        return InvalidSetting("tls_key", str(key), problem)
    damaged = "is damaged or was cut; copy it again from where it was issued"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cert)
    except OSError:  # ssl.SSLError is one
        return InvalidSetting("tls_cert", str(cert), damaged)
    if not error.reason:
        return InvalidSetting("tls_key", str(key), damaged)
    return InvalidSetting("tls_cert", str(cert), f"cannot be used: {error.reason.lower().replace('_', ' ')}")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
