"""Who may come in: every request passes here first, and gets no more of the tracker than it may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from msgspec import Struct

from tracker.errors import TrackerError
from tracker.settings import Settings
from tracker.tokens import FULL_ACCESS, Access, Unauthorized

from .auth import TokenBook
from .context import Context, allow_context
from .limits import RateLimits
from .operations import OPERATIONS, Operation
from .origins import Origins, Proxies, is_loopback

SUBPROTOCOL = "jobreel.v1"
_TOKEN_SUBPROTOCOL = "jobreel.token."  # noqa: S105  # what a token follows, not one
_BEARER = "bearer "
_NO_ACCESS = Access(None, "anonymous", frozenset())


class TokensNeeded(TrackerError):
    """The server would be reachable from other machines, and there is no token yet."""

    code = "tokens_needed"


class Policy(Struct, frozen=True):
    """How a server that listens on ``host`` decides. ``is_open``: who reaches it needs no token."""

    host: str
    origins: Origins
    proxies: Proxies
    is_open: bool

    @classmethod
    def of(cls, settings: Settings, host: str) -> Policy:
        """For a server that listens on ``host``.

        On loopback no token is needed, as only programs of this machine reach it. Behind a proxy everybody does.
        """
        proxies = Proxies.of(settings.trust_proxy)
        is_private = is_loopback(host) and not proxies.networks and not settings.require_token
        return cls(
            host,
            Origins.of(host, settings.allowed_hosts, settings.allowed_origins),
            proxies,
            settings.insecure or is_private,
        )


class Gate:
    """The policy of one server, and the tokens it knows. Event loop only."""

    def __init__(self, policy: Policy, book: TokenBook, limits: RateLimits, whole: Context) -> None:
        """``whole``: the tracker without limits."""
        self.policy = policy
        self.book = book
        self._limits = limits
        self._whole = whole

    @property
    def settings(self) -> Settings:
        """Those of the tracker."""
        return self._whole.settings

    def demand_tokens(self) -> None:
        """Raise :class:`TokensNeeded` if others can reach the server, and nobody at all could come in."""
        if self.policy.is_open or is_loopback(self.policy.host) or not self.book.is_empty:
            return
        raise TokensNeeded(
            f"A server on {self.policy.host or 'every address'} can be reached from other machines, so it asks for a "
            "token, and there is none yet. Make one with `tracker token create --name NAME --scope report,read`, or "
            "let everybody in with --insecure."
        )

    def address(self, request: web.Request) -> str:
        """The address of the client, also behind a proxy that is trusted."""
        return self.policy.proxies.client(request.remote or "", request.headers.getall("X-Forwarded-For", []))

    def demand_moderation(self, request: web.Request) -> None:
        """Raise :class:`TooManyRequests` if the client's address asks too often.

        Programs of this machine may, where they are trusted without a token.
        """
        address = self.address(request)
        if not (self.policy.is_open and is_loopback(address)):
            self._limits.demand_address(address)

    async def admit(self, request: web.Request) -> Access | None:
        """Let a request in, with what it may use; gives its access, None for one that has to say its token first.

        Raises:
            Unauthorized, Forbidden: If it may not.
        """
        operation = operation_of(request)
        if operation is None:
            return FULL_ACCESS  # there is nothing there: a 404 or a 405, the same for everybody
        text = _token(request)
        if text is None and operation.scope == "first_message" and not self.policy.is_open:
            return None
        access = await self._access(text, self.address(request), operation)
        allow_context(request, self.context(access))
        return access

    async def authenticate(self, text: str, address: str) -> Access:
        """What the bearer of a token may do, who asks from an address. Every token that is shown is judged here.

        Raises:
            Unauthorized: If it is not good.
            TooManyRequests: If it is not, like too many others of this address, or if it is used too often.
        """
        try:
            access = await self.book.authenticate(text)
        except Unauthorized:
            # Good tokens are not held up by bad ones of the same address.
            self._limits.refused_token(address)
            raise
        if access.token_id is not None:
            self._limits.demand_token(access.token_id)
        return access

    @contextmanager
    def visiting(self, request: web.Request, access: Access | None) -> Iterator[None]:
        """Have the request cut off when its token is revoked or expires before it is answered.

        Not a WebSocket: that one says goodbye by itself.
        """
        if access is None or access.token_id is None or request.headers.get("Upgrade"):
            yield
        else:
            with self.book.visit(access, lambda: _cut_off(request)):
                yield

    def seen_through_proxies(self, request: web.Request) -> web.Request:
        """The request with the address of its client, where a proxy is between."""
        if not self.policy.proxies.networks:
            return request
        return request.clone(remote=self.address(request))

    def context(self, access: Access) -> Context:
        """The tracker as somebody with this access may use it."""
        return self._whole if access is FULL_ACCESS else self._whole.limited_to(access)

    async def _access(self, text: str | None, address: str, operation: Operation) -> Access:
        if text is not None:
            access = await self.authenticate(text, address)
        elif self.policy.is_open:
            access = FULL_ACCESS
        elif operation.scope == "public":
            access = _NO_ACCESS
        else:
            raise Unauthorized("A token is needed here: send it as Authorization: Bearer TOKEN.")
        if operation.scope in ("read", "report", "admin"):
            access.demand(operation.scope)
        return access


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def operation_of(request: web.Request) -> Operation | None:
    """The operation that a request is for; None where there is no such route."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return OPERATIONS[method, resource.canonical]


def demand_operations(app: web.Application) -> None:
    """Raise ``LookupError`` for a route without an operation, which says who may use it."""
    for route in app.router.routes():
        canonical = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and (route.method, canonical) not in OPERATIONS:
            raise LookupError(f"{route.method} {canonical} is not described in api/operations.py: who may use it?")


def _token(request: web.Request) -> str | None:
    header = request.headers.get("Authorization")
    if header is not None:
        if not header.lower().startswith(_BEARER):
            raise Unauthorized("Send the token as Authorization: Bearer TOKEN.")
        return header[len(_BEARER) :].strip()
    offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    token = next((name for name in offered if name.startswith(_TOKEN_SUBPROTOCOL)), None)
    if token is not None and SUBPROTOCOL not in offered:
        # The server may choose none but that one, and a client that is given none must hang up (RFC 6455, 4.1).
        raise Unauthorized(f"Offer the subprotocol {SUBPROTOCOL} beside the one with the token.")
    return None if token is None else token.removeprefix(_TOKEN_SUBPROTOCOL)


GATE = web.AppKey("gate", Gate)
