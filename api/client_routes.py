"""The client library for browsers: the module and its types, as they are in the package."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from aiohttp import web

routes = web.RouteTableDef()
_FOLDER = files("api") / "dashboard"
_HEADERS = {
    # Asked for anew each time, answered with 304: a page never runs with the module of an older server.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # A page of another origin imports it: modules are fetched under the rules for that. There is nothing secret in it.
    "Access-Control-Allow-Origin": "*",
}


@routes.get("/client/jobreel.js")
async def module(request: web.Request) -> web.Response:
    """The ES module."""
    return _file(request, "jobreel.js", "text/javascript")


@routes.get("/client/jobreel.d.ts")
async def types(request: web.Request) -> web.Response:
    """Its types, for TypeScript and editors."""
    return _file(request, "jobreel.d.ts", "text/plain")


def _file(request: web.Request, name: str, content_type: str) -> web.Response:
    body, tag = _content(name)
    known = request.if_none_match or ()
    if any(one.value in (tag, "*") for one in known):
        response = web.Response(status=304, headers=_HEADERS)
    else:
        response = web.Response(body=body, headers=_HEADERS, content_type=content_type, charset="utf-8")
    response.etag = tag
    return response


@cache
def _content(name: str) -> tuple[bytes, str]:
    body = (_FOLDER / name).read_bytes()
    return body, sha256(body).hexdigest()[:32]
