"""Headers that browsers keep to: what pages may do with an answer, and which pages."""

from __future__ import annotations

from aiohttp import web

_ORIGIN = web.RequestKey("origin", str)
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def note_origin(request: web.Request, origin: str | None) -> None:
    """Remember that a page of this origin asks, and may."""
    if origin is not None:
        request[_ORIGIN] = origin


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add them to an answer before it is sent; what a route has set stays."""
    if response.status == 101:
        return
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)
    if "Origin" in request.headers:
        response.headers.add("Vary", "Origin")
    origin = request.get(_ORIGIN)
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"


def preflight(request: web.Request) -> web.Response | None:
    """The answer to a page that asks beforehand what it may send; None for any other request."""
    refused = request.match_info.http_exception
    is_asking = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not is_asking or _ORIGIN not in request or not isinstance(refused, web.HTTPMethodNotAllowed):
        return None
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": ", ".join(sorted(refused.allowed_methods)),
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
            "Access-Control-Allow-Private-Network": "true",
            "Access-Control-Max-Age": "600",
        },
    )
