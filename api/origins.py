"""Where a request comes from: the Host and Origin rules. Pure.

A page of any web site can send requests to a server on the reader's own machine, and a name of its own that is made
to point there (DNS rebinding) lets it read the answers as well. So the server answers only to names that it knows to
be its own, and to pages only from places that it knows.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from tracker.errors import InvalidSetting
from tracker.tokens import Forbidden

_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])?(:\d{1,5})?", re.ASCII)
_NAME = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+", re.ASCII)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ForbiddenHost(Forbidden):
    """The request is addressed to a name that is not this server's."""

    code = "forbidden_host"


class ForbiddenOrigin(Forbidden):
    """The request comes from a page of another site."""

    code = "forbidden_origin"


class Origins(Struct, frozen=True):
    """The names of the server, and whose pages may use it.

    ``hosts``: names it answers to beside loopback's. ``answers_to_addresses``: also to every IP address, which no
    foreign name can be made to be. ``origins``: pages it serves beside those of its own Host and of loopback.
    """

    hosts: frozenset[str]
    answers_to_addresses: bool
    origins: frozenset[str]

    @classmethod
    def of(cls, host: str, hosts: str, origins: str) -> Origins:
        """For a server that listens on ``host``; the others are comma-separated settings.

        Raises:
            InvalidSetting: If a host or an origin is not written as one.
        """
        names = {_listed_host(name) for name in _split(hosts)}
        if not is_loopback(host):
            names |= {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        allowed = frozenset(_listed_origin(origin) for origin in _split(origins))
        return cls(frozenset(names), not is_loopback(host), allowed)

    def demand(self, headers: Mapping[str, str]) -> str | None:
        """Check a request's headers; the origin whose page asks, None where no page does.

        Raises:
            ForbiddenHost, ForbiddenOrigin: If it is not to be answered.
        """
        host = headers.get("Host", "")
        if not self._is_ours(host):
            raise ForbiddenHost(
                f"This server does not answer to the name {host[:100]!r}. Start it with --allow-host to add one."
            )
        origin = headers.get("Origin")
        if origin is not None:
            if not self._may_use(origin, host):
                raise ForbiddenOrigin(
                    f"Pages of {origin[:100]!r} may not use this server. Start it with --allow-origin to let them."
                )
            return origin
        if headers.get("Sec-Fetch-Site") == "cross-site" and not _is_navigation(headers):
            raise ForbiddenOrigin("Pages of other sites may not use this server.")
        return None

    def _is_ours(self, host: str) -> bool:
        name = _host_name(host)
        if name is None:
            return False
        return is_loopback(name) or name in self.hosts or (self.answers_to_addresses and _address(name) is not None)

    def _may_use(self, origin: str, host: str) -> bool:
        if origin.lower() in self.origins:
            return True
        parts = _origin_parts(origin)
        if parts is None:
            return False
        scheme, name, _ = parts
        return is_loopback(name) or origin.lower() == f"{scheme}://{host.lower()}"


def is_loopback(name: str) -> bool:
    """Whether a host is this machine for itself only."""
    address = _address(name)
    return address.is_loopback if address is not None else name.lower() == "localhost"


class Proxies(Struct, frozen=True):
    """The proxies before the server, whose ``X-Forwarded-For`` is believed."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, listed: str) -> Proxies:
        """From comma-separated addresses and networks.

        Raises:
            InvalidSetting: If one of them is neither.
        """
        try:
            return cls(tuple(ipaddress.ip_network(text, strict=False) for text in _split(listed)))
        except ValueError as error:
            raise InvalidSetting(
                "trust_proxy", listed, "must be addresses or networks: 127.0.0.1,10.0.0.0/8"
            ) from error

    def client(self, peer: str, forwarded_for: Iterable[str]) -> str:
        """The address of the client: the last one named that is no proxy of ours."""
        named = [text.strip() for header in forwarded_for for text in header.split(",")]
        address = peer
        while self._includes(address) and named:
            address = named.pop()
        return address if _address(address) is not None else peer

    def _includes(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self.networks)


def _is_navigation(headers: Mapping[str, str]) -> bool:
    # A link to the server's page, followed by a person: it shows the page and gives nothing to the site it was on.
    return headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _host_name(host: str) -> str | None:
    """The name in a Host header, without the port; None if it is not one."""
    parts = _origin_parts(f"http://{host}")
    return parts[1] if parts is not None else None


def _origin_parts(origin: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    is_bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if not name or not _NAME.fullmatch(name) or not is_bare or parts.scheme not in ("http", "https"):
        return None
    return parts.scheme, name.rstrip(".").lower(), port


def _split(listed: str) -> list[str]:
    return [text.strip() for text in listed.split(",") if text.strip()]


def _listed_host(name: str) -> str:
    if _host_name(name) != name.lower():
        raise InvalidSetting("allowed_hosts", name, "must be names of hosts, without scheme and port")
    return name.lower()


def _listed_origin(origin: str) -> str:
    # Desktop programs have schemes of their own: app://photos, file://. "null" is whoever hides where it is from.
    if not _ORIGIN.fullmatch(origin):
        raise InvalidSetting("allowed_origins", origin, "must be origins such as https://photos.example")
    return origin.lower()
